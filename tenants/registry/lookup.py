"""Cached lookup of tenants by host and slug: the only reader of the control plane's tables during a request.

A cached answer costs no query, for an unknown host too. While the process listens for changes, an index of all keys
answers for unknown hosts without a query each. Triggers notify every process (`tenants.registry.listener`); the TTL is
the safety net.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from functools import partial
from math import inf
from threading import Lock
from typing import Any, Final

from django.db import transaction
from django.db.models import Q
from django.dispatch import Signal

from tenants.conf import tenancy
from tenants.context import PLATFORM, TenantInfo, use_tenant
from tenants.errors import TenantNotFound
from tenants.models import Domain
from tenants.registry.key_index import EXISTING, KnownKeys, load_known_keys
from tenants.registry.tenant_info import annotated_tenants, info_of
from tenants.settings_cache import on_setting_change

tenant_changed = Signal()
"""Sent with `tenant_id` when a tenant has changed: on any thread, with no active tenant. Receivers must not block."""

TTL_WITHOUT_LISTEN = 1.0
"""Seconds for which an answer is cached while the process does not listen for changes."""

KNOWN_KEYS_SECONDS = 1.0
"""Minimum interval between two reads of all keys, in seconds."""


class NotCached:
    """What `Registry.get_cached` returns for a key that is not cached."""


NOT_CACHED: Final = NotCached()


class _TTLCache:
    """Bounded cache with expiry; the least recently used entry is evicted first."""

    def __init__(self) -> None:
        self._answers: OrderedDict[str, tuple[float, TenantInfo | None]] = OrderedDict()

    def get(self, key: str, now: float) -> TenantInfo | NotCached | None:
        found = self._answers.get(key)
        if found is None or found[0] < now:
            return NOT_CACHED
        self._answers.move_to_end(key)
        return found[1]

    def until(self, key: str, answer: TenantInfo) -> float:
        found = self._answers.get(key)
        return found[0] if found is not None and found[1] is answer else 0.0

    def put(self, key: str, until: float, answer: TenantInfo | None, size: int) -> None:
        self._answers[key] = (until, answer)
        while len(self._answers) > size:
            self._answers.popitem(last=False)

    def invalidate(self, tenant_id: int) -> None:
        for key in [k for k, (_, info) in self._answers.items() if info is not None and info.id == tenant_id]:
            del self._answers[key]

    def clear(self) -> None:
        self._answers.clear()

    def __len__(self) -> int:
        return len(self._answers)


class Registry:
    """Cache of tenants by key, `host:…` or `slug:…`. Thread-safe."""

    def __init__(self) -> None:
        # Guards the two maps and the generation: requests, the listener and lifecycle functions all write them.
        self._lock = Lock()
        # Known and unknown keys apart, so that a flood of invented hosts does not evict real ones.
        self._known = _TTLCache()
        self._unknown = _TTLCache()
        self._known_keys: KnownKeys | None = None
        self._known_keys_at = -inf
        self.generation = 0
        """Counts changes: an answer that was read before a change must not be cached after it."""
        # Commands, for example, run without a listener.
        self._is_listening = False

    @property
    def is_listening(self) -> bool:
        """Whether this process is notified of every change."""
        return self._is_listening

    def get_cached(self, key: str) -> TenantInfo | NotCached | None:
        """Return the cached answer: a tenant, None for an unknown key, or `NOT_CACHED`. Never queries the database."""
        now = time.monotonic()
        with self._lock:
            found = self._known.get(key, now)
            if isinstance(found, NotCached) and self._known_keys is not None and self._known_keys.excludes(key, now):
                return None
            return self._unknown.get(key, now) if isinstance(found, NotCached) else found

    def get(self, key: str) -> TenantInfo | None:
        """Return the tenant of `key`, or None if it does not exist or is deleted; from the cache if possible."""
        found = self.get_cached(key)
        if not isinstance(found, NotCached):
            return found
        generation, asked_at = self.generation, time.monotonic()
        answer = _load(key)
        self._keep(key, answer, generation, asked_at)
        if answer is None:
            self._load_known_keys(generation)
        return answer

    def _load_known_keys(self, generation: int) -> None:
        """Read all keys, so that the next unknown one needs no query; only while listening for changes."""
        now = time.monotonic()
        with self._lock:
            if not self._is_listening or now - self._known_keys_at < KNOWN_KEYS_SECONDS:
                return
            self._known_keys_at = now
        hashes = load_known_keys()
        until = now + self.ttl()
        with self._lock:
            if generation == self.generation and hashes is not None:
                self._known_keys = KnownKeys(hashes, until)

    def valid_until(self, key: str, tenant: TenantInfo) -> float:
        """Return when this answer expires (`time.monotonic`); 0 if it is not the cached one."""
        with self._lock:
            return self._known.until(key, tenant)

    def _keep(self, key: str, answer: TenantInfo | None, generation: int, asked_at: float) -> None:
        until = asked_at + self.ttl()
        with self._lock:
            if generation == self.generation:
                chosen = self._unknown if answer is None else self._known
                chosen.put(key, until, answer, tenancy().registry_size)

    def invalidate(self, tenant_id: int) -> None:
        """Drop the answers for a changed tenant, and all answers for unknown keys."""
        with self._lock:
            self.generation += 1
            self._known.invalidate(tenant_id)
            self._drop_unknown()
        tenant_changed.send(type(self), tenant_id=tenant_id)

    def clear(self) -> None:
        """Drop everything: notifications may have been missed."""
        with self._lock:
            self.generation += 1
            self._known.clear()
            self._drop_unknown()

    def _drop_unknown(self) -> None:
        self._unknown.clear()
        self._known_keys = None

    def set_listening(self, listening: bool) -> None:
        """Set whether the process is notified of changes from now on, and drop everything."""
        self._is_listening = listening
        self.clear()

    def ttl(self) -> float:
        """Return for how many seconds an answer that is read now is cached."""
        seconds = tenancy().registry_seconds
        return seconds if self._is_listening else min(TTL_WITHOUT_LISTEN, seconds)

    def sizes(self) -> tuple[int, int]:
        """Return how many known and how many unknown keys are cached."""
        with self._lock:
            return len(self._known), len(self._unknown)


registry = Registry()
on_setting_change(registry.clear, "TENANTS")  # a tenant's primary host depends on the origin


def tenant_by_slug(slug: str) -> TenantInfo:
    """Return the tenant with that slug. Raises `TenantNotFound`, also for a deleted one."""
    found = registry.get(f"slug:{slug}")
    if found is None or not found.exists:
        raise TenantNotFound(slug)
    return found


def invalidate_tenant_of(*, instance: Any, **_: object) -> None:
    """Receiver for model signals: invalidate the tenant that the row is, or belongs to, after the commit."""
    tenant_id = getattr(instance, "tenant_id", instance.pk)
    transaction.on_commit(partial(registry.invalidate, tenant_id))


def _load(key: str) -> TenantInfo | None:
    kind, _, value = key.partition(":")
    with use_tenant(PLATFORM):
        matches = Q(slug=value) if kind == "slug" else Q(pk__in=Domain.objects.filter(host=value).values("tenant"))
        # In one query, so that a deleted tenant takes as long as one that never existed.
        tenant = annotated_tenants().filter(matches, status__in=EXISTING).first()
        return None if tenant is None else info_of(tenant)
