"""Clients, sign-ins of programs, API keys and signing keys in a shop's admin; whoever has an admin registers them."""

from tenants.contrib.oauth.admin.api_keys import ApiKeyAdmin
from tenants.contrib.oauth.admin.clients import ClientAdmin
from tenants.contrib.oauth.admin.signing_keys import SigningKeyAdmin
from tenants.contrib.oauth.admin.tokens import AccessTokenAdmin

__all__ = ["AccessTokenAdmin", "ApiKeyAdmin", "ClientAdmin", "SigningKeyAdmin"]
