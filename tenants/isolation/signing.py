"""Keys of one tenant: another tenant, a clone, or the tenant with a new epoch does not accept what they have signed.

`SECRET_KEY` is a `TenantSecretKey`. So all that Django and other apps sign with it – sessions, cookies, messages,
password links, `signing.dumps` – is signed with a key of the active tenant.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterator
from functools import lru_cache

from django.conf import settings

from tenants.context import current_tenant


def new_epoch() -> str:
    """Return a value for `Tenant.epoch`; a new one revokes everything that the tenant has signed."""
    return secrets.token_hex(16)


def tenant_key(purpose: str) -> bytes:
    """Return the active tenant's key for `purpose`, 32 bytes; raise `NoActiveTenant`.

    It is derived from SECRET_KEY, the schema, which is never used again, and the epoch.
    """
    return _derived(settings.SECRET_KEY, purpose)


def former_tenant_keys(purpose: str) -> list[bytes]:
    """Return the active tenant's keys for the secrets in SECRET_KEY_FALLBACKS."""
    return [_derived(secret, purpose) for secret in settings.SECRET_KEY_FALLBACKS]


def _derived(secret: str | bytes | TenantSecretKey, purpose: str) -> bytes:
    tenant = current_tenant()
    root = secret.root if isinstance(secret, TenantSecretKey) else secret
    return _key(root if isinstance(root, bytes) else root.encode(), tenant.schema, tenant.epoch, purpose)


@lru_cache(maxsize=4096)
def _key(root: bytes, schema: str, epoch: str, purpose: str) -> bytes:
    # Schema and epoch have no NUL, so the message of each tenant and purpose is unique.
    message = f"{schema}\0{epoch}\0{purpose}"
    return hmac.digest(root, message.encode(), hashlib.sha256)


@lru_cache(maxsize=4096)
def _secret_key(root: str, schema: str, epoch: str) -> str:
    return _key(root.encode(), schema, epoch, "SECRET_KEY").hex()


class TenantSecretKey:
    """A secret with another value for each tenant and epoch, for SECRET_KEY and SECRET_KEY_FALLBACKS."""

    # Django reads it when it signs, by `str()` or `encode()`; both raise `NoActiveTenant` without a tenant. It is not a
    # str: code that would put it into another text fails, instead of using one key for all tenants.

    def __init__(self, root: str) -> None:
        self.root = root
        """The secret of the environment. Nothing is signed with it."""

    def __str__(self) -> str:
        tenant = current_tenant()
        return _secret_key(self.root, tenant.schema, tenant.epoch)

    def encode(self, encoding: str = "utf-8") -> bytes:
        return str(self).encode(encoding)

    def __repr__(self) -> str:
        return "<another key for each tenant>"

    # Django's system checks use these to find a weak secret. They are about the root, without a tenant.

    def __len__(self) -> int:
        return len(self.root)

    def __iter__(self) -> Iterator[str]:
        return iter(self.root)

    def startswith(self, prefix: str) -> bool:
        return self.root.startswith(prefix)
