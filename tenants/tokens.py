"""Tokens in links that set a password: worth something in the tenant that gave them out, and in no other."""

from __future__ import annotations

from django.contrib.auth.tokens import PasswordResetTokenGenerator

from tenants.signing import former_tenant_keys, tenant_key

_PURPOSE = "password link"


class TenantTokenGenerator(PasswordResetTokenGenerator):
    """Django's own, with the tenant's key: in a clone, users have the same ids and password hashes."""

    @property
    def secret(self) -> bytes:  # type: ignore[override]
        return tenant_key(_PURPOSE)

    @property
    def secret_fallbacks(self) -> list[bytes]:  # type: ignore[override]
        return former_tenant_keys(_PURPOSE)


token_generator = TenantTokenGenerator()
