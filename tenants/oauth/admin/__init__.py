"""Clients, sign-ins of programs, API keys and signing keys in a shop's admin; whoever has an admin registers them."""

from tenants.oauth.admin.api_keys import ApiKeyAdmin
from tenants.oauth.admin.clients import ClientAdmin
from tenants.oauth.admin.sign_ins import SignInAdmin
from tenants.oauth.admin.signing_keys import SigningKeyAdmin

__all__ = ["ApiKeyAdmin", "ClientAdmin", "SignInAdmin", "SigningKeyAdmin"]
