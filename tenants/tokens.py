"""Tokens in links that set a password: worth something in the tenant that gave them out, and in no other."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.tokens import PasswordResetTokenGenerator

from tenants.context import current_tenant


class TenantTokenGenerator(PasswordResetTokenGenerator):
    """Django's own, with the tenant in what is signed: in a clone, users have the same ids and password hashes."""

    def _make_hash_value(self, user: Any, timestamp: int) -> str:
        return f"{current_tenant().schema}:{super()._make_hash_value(user, timestamp)}"


token_generator = TenantTokenGenerator()
