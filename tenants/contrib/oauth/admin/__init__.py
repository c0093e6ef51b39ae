"""Admin classes of clients, tokens, API keys and signing keys, for an admin site to register."""

from tenants.contrib.oauth.admin.api_keys import ApiKeyAdmin
from tenants.contrib.oauth.admin.clients import ClientAdmin
from tenants.contrib.oauth.admin.signing_keys import SigningKeyAdmin
from tenants.contrib.oauth.admin.tokens import AccessTokenAdmin

__all__ = ["AccessTokenAdmin", "ApiKeyAdmin", "ClientAdmin", "SigningKeyAdmin"]
