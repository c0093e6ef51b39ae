"""What a process knows of a tenant to tell its tokens, in memory: keys, clients, what was revoked.

Warm, a token is verified without a query. Triggers in the tenant's schema announce each change (migration 0001), and
every process hears of it as of changes of tenants; a time limit is the net below that.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from django.utils import timezone
from joserfc.jwk import ECKey

from tenants.conf import tenancy
from tenants.context import TenantInfo, current_tenant
from tenants.contrib.oauth.keys import public_key, published_keys
from tenants.contrib.oauth.models import Application, RevokedToken
from tenants.registry.lookup import registry

_API_KEYS = 1_000
"""How many API keys of one tenant a process remembers; the one that was used longest ago goes first."""


@dataclass(frozen=True, slots=True)
class CachedApiKey:
    """An API key as it is cached."""

    id: int
    user_id: int
    name: str
    scopes: frozenset[str]
    expires: float | None
    """Seconds since 1970; None: it does not."""


@dataclass(slots=True)
class TenantKeys:
    """One tenant's, in one epoch."""

    epoch: str
    until: float
    """When it is read anew, by `time.monotonic()`."""
    public_keys: dict[str, tuple[ECKey, str]]
    """By key id: what verifies, and the generation for which it signs."""
    jwks: list[dict[str, Any]]
    """The same for others, as JSON has it."""
    clients: dict[str, str]
    """The names of clients, by client id."""
    revoked: set[str]
    """The ids of tokens that are void before their time, as hexadecimal digits."""
    api_keys: OrderedDict[bytes, CachedApiKey] = field(default_factory=OrderedDict)
    """Those that were used, by digest."""

    def add_api_key(self, digest: bytes, key: CachedApiKey) -> None:
        """Keep a key that was looked up."""
        self.api_keys[digest] = key
        while len(self.api_keys) > _API_KEYS:
            self.api_keys.popitem(last=False)


class KeyCache:
    """The key_cache of the tenants that were asked for last. Safe to use from many threads."""

    def __init__(self) -> None:
        # Guards the map and the generation; a keys itself is only added to, which needs no lock.
        self._lock = Lock()
        self._tenants: OrderedDict[str, TenantKeys] = OrderedDict()
        # Counts the changes heard of: a keys that was read before a change must not be kept after it.
        self._generation = 0

    def get_cached(self, tenant: TenantInfo) -> TenantKeys | None:
        """Return the keys of a tenant if it is in memory and believed. Never asks the database."""
        with self._lock:
            keys = self._tenants.get(tenant.schema)
            if keys is None or keys.until < time.monotonic() or keys.epoch != tenant.epoch:
                return None
            self._tenants.move_to_end(tenant.schema)
            return keys

    def get(self) -> TenantKeys:
        """Return the active tenant's keys; from memory if possible, else with three queries."""
        tenant = current_tenant()
        if found := self.get_cached(tenant):
            return found
        generation = self._generation
        keys = _load(tenant)
        with self._lock:
            if generation == self._generation:
                self._tenants[tenant.schema] = keys
                while len(self._tenants) > tenancy().registry_size:
                    self._tenants.popitem(last=False)
        return keys

    def revoke(self, schema: str, jti: str) -> None:
        """Learn of one revoked token."""
        with self._lock:
            self._generation += 1
            if keys := self._tenants.get(schema):
                keys.revoked.add(jti)

    def invalidate(self, schema: str) -> None:
        """Read a tenant's keys anew when it is asked for next."""
        with self._lock:
            self._generation += 1
            self._tenants.pop(schema, None)

    def clear(self) -> None:
        """Read everything anew: changes may have been missed."""
        with self._lock:
            self._generation += 1
            self._tenants.clear()

    def set_listening(self, listening: bool) -> None:
        """Read everything again: notifications may have been missed."""
        self.clear()

    def on_change(self, change: str) -> None:
        """Apply what a trigger notifies: `t_12`, or `t_12:` and the id of a revoked token."""
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
        until=time.monotonic() + registry.ttl(),
        public_keys={row.kid: (public_key(row.public), row.generation) for row in rows},
        jwks=[row.public for row in rows],
        clients=dict(Application.objects.values_list("client_id", "name")),
        revoked={jti.hex for jti in revoked},
    )


key_cache = KeyCache()
