"""The read side of the control plane: which tenant a host or slug names. The only cache of it in a process.

A warm answer costs no query, for a known host and an unknown one alike, and while changes are heard a census of all
keys spares the question for an unknown one altogether. Changes are heard from PostgreSQL: triggers
on the tables notify every process (see `tenants.registry.listener`), and a time limit is the net below that.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from functools import partial
from math import inf
from threading import Lock
from typing import Any, Final

from django.core.signals import setting_changed
from django.db import transaction
from django.db.models import Q
from django.dispatch import Signal

from tenants.conf import tenancy
from tenants.context import PLATFORM, TenantInfo, use_tenant
from tenants.errors import TenantNotFound
from tenants.models import Domain
from tenants.registry.key_index import EXISTING, KnownKeys, load_known_keys
from tenants.registry.tenant_info import annotated_tenants, info_of

tenant_changed = Signal()
"""Sent with `tenant_id` when a change of one tenant is heard of: on any thread, as nobody; receivers must not wait."""

TTL_WITHOUT_LISTEN = 1.0
"""How long an answer is believed while changes are not heard."""


KNOWN_KEYS_SECONDS = 1.0
"""A census is taken no more often than this, however often something changes."""


class Missing:
    """What `Registry.remembered` returns where only the database knows."""


MISSING: Final = Missing()


class _TTLCache:
    """A bounded map of answers that are each believed for a while; the least recently asked goes first."""

    def __init__(self) -> None:
        self._answers: OrderedDict[str, tuple[float, TenantInfo | None]] = OrderedDict()

    def get(self, key: str, now: float) -> TenantInfo | Missing | None:
        found = self._answers.get(key)
        if found is None or found[0] < now:
            return MISSING
        self._answers.move_to_end(key)
        return found[1]

    def until(self, key: str, answer: TenantInfo) -> float:
        found = self._answers.get(key)
        return found[0] if found is not None and found[1] is answer else 0.0

    def put(self, key: str, until: float, answer: TenantInfo | None, size: int) -> None:
        self._answers[key] = (until, answer)
        while len(self._answers) > size:
            self._answers.popitem(last=False)

    def forget(self, tenant_id: int) -> None:
        for key in [k for k, (_, info) in self._answers.items() if info is not None and info.id == tenant_id]:
            del self._answers[key]

    def clear(self) -> None:
        self._answers.clear()

    def __len__(self) -> int:
        return len(self._answers)


class Registry:
    """Looks tenants up by key: `host:…` or `slug:…`. Safe to use from many threads."""

    def __init__(self) -> None:
        # Guards the two maps and the generation: requests, the listener and lifecycle functions all write them.
        self._lock = Lock()
        # Known and unknown keys apart, so that a flood of invented hosts pushes no real one out.
        self._known = _TTLCache()
        self._unknown = _TTLCache()
        self._known_keys: KnownKeys | None = None
        self._known_keys_at = -inf
        self.generation = 0
        """Counts the changes heard of: an answer that was read before a change must not be kept after it."""
        # A process without a listener, a command's for example, hears of no change.
        self._is_listening = False

    @property
    def is_listening(self) -> bool:
        """Whether this process is told of every change."""
        return self._is_listening

    def get_cached(self, key: str) -> TenantInfo | Missing | None:
        """Return the remembered answer: a tenant, None for "there is none", or `MISSING`. Never asks the database."""
        now = time.monotonic()
        with self._lock:
            found = self._known.get(key, now)
            if isinstance(found, Missing) and self._known_keys is not None and self._known_keys.excludes(key, now):
                return None
            return self._unknown.get(key, now) if isinstance(found, Missing) else found

    def get(self, key: str) -> TenantInfo | None:
        """Return the tenant of `key`, or None if there is none or it is deleted; from memory if possible."""
        found = self.get_cached(key)
        if not isinstance(found, Missing):
            return found
        generation, asked_at = self.generation, time.monotonic()
        answer = _load(key)
        self._keep(key, answer, generation, asked_at)
        if answer is None:
            self._load_known_keys(generation)
        return answer

    def _load_known_keys(self, generation: int) -> None:
        """Read all keys, so that the next that names nobody need not be asked for; not where changes are not heard."""
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
        """Return until when (`time.monotonic`) this answer is believed; 0 if it is not the one that is remembered."""
        with self._lock:
            return self._known.until(key, tenant)

    def _keep(self, key: str, answer: TenantInfo | None, generation: int, asked_at: float) -> None:
        until = asked_at + self.ttl()
        with self._lock:
            if generation == self.generation:
                chosen = self._unknown if answer is None else self._known
                chosen.put(key, until, answer, tenancy().registry_size)

    def invalidate(self, tenant_id: int) -> None:
        """Drop what may be wrong after a change of one tenant: its own answers, and every "there is none"."""
        with self._lock:
            self.generation += 1
            self._known.forget(tenant_id)
            self._forget_missing()
        tenant_changed.send(type(self), tenant_id=tenant_id)

    def clear(self) -> None:
        """Drop everything: changes may have been missed."""
        with self._lock:
            self.generation += 1
            self._known.clear()
            self._forget_missing()

    def _forget_missing(self) -> None:
        self._unknown.clear()
        self._known_keys = None

    def set_listening(self, listening: bool) -> None:
        """Say whether changes are heard from now on, and so how long an answer is believed; drop everything."""
        self._is_listening = listening
        self.clear()

    def ttl(self) -> float:
        """Return how long what was read now is believed, if no change of it is heard."""
        seconds = tenancy().registry_seconds
        return seconds if self._is_listening else min(TTL_WITHOUT_LISTEN, seconds)

    def sizes(self) -> tuple[int, int]:
        """Return how many known and how many unknown keys are remembered."""
        with self._lock:
            return len(self._known), len(self._unknown)


registry = Registry()


def _reload(*, setting: str, **_: object) -> None:
    if setting == "TENANTS":
        registry.clear()  # a tenant's primary host hangs on the origin


setting_changed.connect(_reload, dispatch_uid="tenants.registry.lookup")


def tenant_by_slug(slug: str) -> TenantInfo:
    """Return the tenant of that slug; raise `TenantNotFound` if there is none, or it is deleted."""
    found = registry.get(f"slug:{slug}")
    if found is None or not found.exists:
        raise TenantNotFound(slug)
    return found


def invalidate_tenant_of(*, instance: Any, **_: object) -> None:
    """Receiver for signals of models: invalidate the tenant that the row is, or belongs to, after the commit."""
    tenant_id = getattr(instance, "tenant_id", instance.pk)
    transaction.on_commit(partial(registry.invalidate, tenant_id))


def _load(key: str) -> TenantInfo | None:
    kind, _, value = key.partition(":")
    matches = Q(slug=value) if kind == "slug" else Q(pk__in=Domain.objects.filter(host=value).values("tenant"))
    with use_tenant(PLATFORM):
        # A deleted tenant is looked for, and not found, just as one that never was.
        tenant = annotated_tenants().filter(matches, status__in=EXISTING).first()
        return None if tenant is None else info_of(tenant)
