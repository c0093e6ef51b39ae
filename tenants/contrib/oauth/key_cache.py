"""Cache of what verifies a tenant's tokens: public keys, names of clients, revoked tokens and API keys.

With a warm cache a token is verified without a query. Triggers in the tenant's schema notify every process of changes
(migration 0001); a time limit bounds what a missed notification can do.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass, field
from functools import partial
from threading import Lock
from typing import Any

from django.db import transaction
from django.db.models.signals import post_delete, post_save
from django.utils import timezone
from joserfc.jwk import ECKey

from tenants.conf import tenancy
from tenants.context import TenantInfo, current_tenant
from tenants.contrib.oauth.keys import key_created, public_key, published_keys
from tenants.contrib.oauth.models import ApiKey, Application, RevokedToken, SigningKey
from tenants.registry.lookup import registry

_MAX_API_KEYS = 1_000
"""API keys of one tenant in the cache; the least recently used one is dropped first."""


@dataclass(frozen=True, slots=True)
class CachedApiKey:
    id: int
    user_id: Any
    name: str
    scopes: frozenset[str]
    expires: float | None
    """Seconds since 1970; None: never."""


@dataclass(slots=True)
class TenantKeys:
    """Keys and revocations that verify the tokens of one tenant in one epoch."""

    epoch: str
    valid_until: float
    """By `time.monotonic()`."""
    public_keys: dict[str, tuple[ECKey, str]]
    """Keys with their generation, by key id."""
    jwks: list[dict[str, Any]]
    """The same keys as JSON."""
    clients: dict[str, str]
    """Names of clients by client id."""
    revoked: set[str]
    """Ids of revoked tokens, as hexadecimal digits."""
    api_keys: OrderedDict[bytes, CachedApiKey] = field(default_factory=OrderedDict)
    """Recently used API keys by digest."""

    def add_api_key(self, digest: bytes, key: CachedApiKey) -> None:
        self.api_keys[digest] = key
        while len(self.api_keys) > _MAX_API_KEYS:
            self.api_keys.popitem(last=False)


class KeyCache:
    """`TenantKeys` of the tenants that were used last. Thread-safe."""

    def __init__(self) -> None:
        # Guards the dict and the counter. Threads add to `TenantKeys` without it.
        self._lock = Lock()
        self._tenants: OrderedDict[str, TenantKeys] = OrderedDict()
        # Counts changes: keys that were loaded before a change must not be cached after it.
        self._changes = 0

    def get_cached(self, tenant: TenantInfo) -> TenantKeys | None:
        """Return the keys of a tenant from memory, or None. Never sends a query."""
        with self._lock:
            keys = self._tenants.get(tenant.schema)
            if keys is None or keys.valid_until < time.monotonic() or keys.epoch != tenant.epoch:
                return None
            self._tenants.move_to_end(tenant.schema)
            return keys

    def get(self) -> TenantKeys:
        """Return the active tenant's keys from memory, or with three queries."""
        tenant = current_tenant()
        if cached := self.get_cached(tenant):
            return cached
        changes = self._changes
        keys = _load(tenant)
        with self._lock:
            if changes == self._changes:
                self._tenants[tenant.schema] = keys
                while len(self._tenants) > tenancy().registry_size:
                    self._tenants.popitem(last=False)
        return keys

    def revoke(self, schema: str, jti: str) -> None:
        """Add a revoked token."""
        with self._lock:
            self._changes += 1
            if keys := self._tenants.get(schema):
                keys.revoked.add(jti)

    def invalidate(self, schema: str) -> None:
        with self._lock:
            self._changes += 1
            self._tenants.pop(schema, None)

    def clear(self) -> None:
        with self._lock:
            self._changes += 1
            self._tenants.clear()

    def set_listening(self, listening: bool) -> None:
        self.clear()  # notifications may have been missed

    def on_change(self, change: str) -> None:
        """Apply the payload of a trigger: `t_12`, or `t_12:` and the id of a revoked token."""
        schema, colon, jti = change.partition(":")
        if colon:
            self.revoke(schema, jti)
        else:
            self.invalidate(schema)


def _load(tenant: TenantInfo) -> TenantKeys:
    rows = published_keys()
    revoked = RevokedToken.objects.filter(expires__gt=timezone.now()).values_list("jti", flat=True)
    return TenantKeys(
        epoch=tenant.epoch,
        valid_until=time.monotonic() + registry.ttl(),
        public_keys={row.kid: (public_key(row.public), row.generation) for row in rows},
        jwks=[row.public for row in rows],
        clients=dict(Application.objects.values_list("client_id", "name")),
        revoked={jti.hex for jti in revoked},
    )


key_cache = KeyCache()


def connect() -> None:
    """Connect the signals by which this process invalidates its cache without waiting for a notification."""
    for signal, model in ((post_save, ApiKey), (post_delete, ApiKey), (key_created, SigningKey)):
        signal.connect(_invalidate, sender=model, dispatch_uid="tenants.contrib.oauth.key_cache")


def _invalidate(**_: object) -> None:
    transaction.on_commit(partial(key_cache.invalidate, current_tenant().schema))
