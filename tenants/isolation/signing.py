"""Keys of a tenant's own: what is signed with one is worth nothing in another tenant, a clone, or after a new epoch.

`SECRET_KEY` itself is such a key, as `TenantSecretKey` has it: whatever in Django or in another's app signs with the
setting – sessions, cookies, messages, links that reset a password, `signing.dumps` – signs with the tenant's key.
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
    """Return a value for `Tenant.epoch`: with another one, nothing that the tenant has given out is valid any more."""
    return secrets.token_hex(16)


def tenant_key(purpose: str) -> bytes:
    """Return the active tenant's key for `purpose`, 32 bytes; raise `NoActiveTenant` if there is none.

    It hangs on SECRET_KEY, on the tenant's schema, which no second tenant ever has, and on its epoch.
    """
    return _derived(settings.SECRET_KEY, purpose)


def former_tenant_keys(purpose: str) -> list[bytes]:
    """Return the keys that `tenant_key` gave before SECRET_KEY was changed, as far as SECRET_KEY_FALLBACKS has it."""
    return [_derived(secret, purpose) for secret in settings.SECRET_KEY_FALLBACKS]


def _derived(secret: str | bytes | TenantSecretKey, purpose: str) -> bytes:
    tenant = current_tenant()
    root = secret.root if isinstance(secret, TenantSecretKey) else secret
    return _key(root if isinstance(root, bytes) else root.encode(), tenant.schema, tenant.epoch, purpose)


@lru_cache(maxsize=4096)
def _key(root: bytes, schema: str, epoch: str, purpose: str) -> bytes:
    # A NUL is in no schema's name and in no epoch, so no two tenants or purposes give the same message.
    message = f"{schema}\0{epoch}\0{purpose}"
    return hmac.digest(root, message.encode(), hashlib.sha256)


class TenantSecretKey:
    """A secret that is another one for each tenant and epoch: for the settings SECRET_KEY and SECRET_KEY_FALLBACKS.

    Django reads it when something is signed, by `str()` or `encode()`, and both raise `NoActiveTenant` where there is
    nobody whose key it could be. No text otherwise, so that code which would mix it into one of its own is refused
    instead of working with a key that all tenants share.
    """

    def __init__(self, root: str) -> None:
        self.root = root
        """What is in the environment. Nothing is signed with it."""

    def __str__(self) -> str:
        return _derived(self, "SECRET_KEY").hex()

    def encode(self, encoding: str = "utf-8") -> bytes:
        """Return the active tenant's key as bytes, as for a text."""
        return str(self).encode(encoding)

    def __repr__(self) -> str:
        return "<another key for each tenant>"

    # What Django's system checks look at to tell a weak secret: the secret, whoever is active.

    def __len__(self) -> int:
        return len(self.root)

    def __iter__(self) -> Iterator[str]:
        return iter(self.root)

    def startswith(self, prefix: str) -> bool:
        """Tell whether the secret in the environment begins with `prefix`."""
        return self.root.startswith(prefix)
