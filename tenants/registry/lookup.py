"""The read side of the control plane: which tenant a host or slug names. The only cache of it in a process.

A warm answer costs no query, for a known host and an unknown one alike, and while changes are heard a census of all
keys spares the question for an unknown one altogether. Changes are heard from PostgreSQL: triggers
on the tables notify every process (see `tenants.registry.listener`), and a time limit is the net below that.
"""

from __future__ import annotations

import json
import time
from collections import OrderedDict
from math import inf
from threading import Lock
from typing import Any, Final

from django.contrib.postgres.expressions import ArraySubquery
from django.core.signals import setting_changed
from django.db.models import OuterRef, Prefetch, Q, QuerySet
from django.db.models.functions import JSONObject
from django.dispatch import Signal

from tenants.conf import tenancy
from tenants.context import PLATFORM, MountPoint, TenantInfo, use_tenant
from tenants.errors import TenantNotFound
from tenants.models import Domain, Mount, Tenant
from tenants.registry.key_index import EXISTING, Census, read_keys

tenant_changed = Signal()
"""Sent with `tenant_id` when a change of one tenant is heard of: on any thread, as nobody; receivers must not wait."""

DEAF_SECONDS = 1.0
"""How long an answer is believed while changes are not heard."""


CENSUS_SECONDS = 1.0
"""A census is taken no more often than this, however often something changes."""


class Miss:
    """What `Registry.remembered` returns where only the database knows."""


MISS: Final = Miss()


class _Remembered:
    """A bounded map of answers that are each believed for a while; the least recently asked goes first."""

    def __init__(self) -> None:
        self._answers: OrderedDict[str, tuple[float, TenantInfo | None]] = OrderedDict()

    def get(self, key: str, now: float) -> TenantInfo | Miss | None:
        found = self._answers.get(key)
        if found is None or found[0] < now:
            return MISS
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
        self._known = _Remembered()
        self._unknown = _Remembered()
        self._census: Census | None = None
        self._census_at = -inf
        self.generation = 0
        """Counts the changes heard of: an answer that was read before a change must not be kept after it."""
        # A process without a listener, a command's for example, hears of no change.
        self._hears_changes = False

    @property
    def hears_changes(self) -> bool:
        """Whether this process is told of every change."""
        return self._hears_changes

    def remembered(self, key: str) -> TenantInfo | Miss | None:
        """Return the remembered answer: a tenant, None for "there is none", or `MISS`. Never asks the database."""
        now = time.monotonic()
        with self._lock:
            found = self._known.get(key, now)
            if isinstance(found, Miss) and self._census is not None and self._census.excludes(key, now):
                return None
            return self._unknown.get(key, now) if isinstance(found, Miss) else found

    def look_up(self, key: str) -> TenantInfo | None:
        """Return the tenant of `key`, or None if there is none or it is deleted; from memory if possible."""
        found = self.remembered(key)
        if not isinstance(found, Miss):
            return found
        generation, asked_at = self.generation, time.monotonic()
        answer = _load(key)
        self._keep(key, answer, generation, asked_at)
        if answer is None:
            self._take_census(generation)
        return answer

    def _take_census(self, generation: int) -> None:
        """Read all keys, so that the next that names nobody need not be asked for; not where changes are not heard."""
        now = time.monotonic()
        with self._lock:
            if not self._hears_changes or now - self._census_at < CENSUS_SECONDS:
                return
            self._census_at = now
        hashes = read_keys()
        until = now + self.seconds_believed()
        with self._lock:
            if generation == self.generation and hashes is not None:
                self._census = Census(hashes, until)

    def believed_until(self, key: str, tenant: TenantInfo) -> float:
        """Return until when (`time.monotonic`) this answer is believed; 0 if it is not the one that is remembered."""
        with self._lock:
            return self._known.until(key, tenant)

    def _keep(self, key: str, answer: TenantInfo | None, generation: int, asked_at: float) -> None:
        until = asked_at + self.seconds_believed()
        with self._lock:
            if generation == self.generation:
                chosen = self._unknown if answer is None else self._known
                chosen.put(key, until, answer, tenancy().registry_size)

    def forget(self, tenant_id: int) -> None:
        """Drop what may be wrong after a change of one tenant: its own answers, and every "there is none"."""
        with self._lock:
            self.generation += 1
            self._known.forget(tenant_id)
            self._forget_who_is_nobody()
        tenant_changed.send(type(self), tenant_id=tenant_id)

    def clear(self) -> None:
        """Drop everything: changes may have been missed."""
        with self._lock:
            self.generation += 1
            self._known.clear()
            self._forget_who_is_nobody()

    def _forget_who_is_nobody(self) -> None:
        self._unknown.clear()
        self._census = None

    def set_hearing(self, hears_changes: bool) -> None:
        """Say whether changes are heard from now on, and so how long an answer is believed; drop everything."""
        self._hears_changes = hears_changes
        self.clear()

    def seconds_believed(self) -> float:
        """Return how long what was read now is believed, if no change of it is heard."""
        seconds = tenancy().registry_seconds
        return seconds if self._hears_changes else min(DEAF_SECONDS, seconds)

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
    found = registry.look_up(f"slug:{slug}")
    if found is None or not found.exists:
        raise TenantNotFound(slug)
    return found


def all_tenants(*conditions: Q, **filters: Any) -> list[TenantInfo]:
    """Return every tenant that the filters on `Tenant` let through, by slug; two queries, nothing remembered."""
    with use_tenant(PLATFORM):
        return [info_of(tenant) for tenant in _tenants().filter(*conditions, **filters)]


def info_of(tenant: Tenant, *, is_new: bool = False) -> TenantInfo:
    """Return the value that stands for a row of `Tenant` everywhere outside the control plane.

    `is_new`: the transaction at hand inserted it, and nothing that belongs to it yet; so nothing is asked for.
    """
    config = tenancy()
    primary = "" if is_new else _primary_host_of(tenant)
    return TenantInfo(
        id=tenant.pk,
        slug=tenant.slug,
        schema=tenant.schema,
        role=tenant.role if config.role_per_tenant else "",
        name=tenant.name,
        server=tenant.server,
        variant=tenant.variant,
        status=str(tenant.status),
        language=tenant.language,
        currency=tenant.currency,
        time_zone=tenant.time_zone,
        host=primary or f"{tenant.slug}.{config.base_domain}",
        api_version=tenant.api_version,
        fingerprint="" if is_new or not hasattr(tenant, "state") else tenant.state.fingerprint,
        notice=tenant.notice,
        bypass=tenant.bypass,
        cache_generation=tenant.cache_generation,
        epoch=tenant.epoch,
        limits=config.plan(tenant.plan).overridden(
            concurrency=tenant.max_concurrency,
            queue=tenant.max_queue,
            rate=tenant.max_rate,
            burst=tenant.max_burst,
            statement_seconds=tenant.max_statement_seconds,
        ),
        mounts=() if is_new else _mounts_of(tenant),
        staff_second_factor=tenant.staff_second_factor,
    )


def _primary_host_of(tenant: Tenant) -> str:
    domains = tenant.primary_domains if hasattr(tenant, "primary_domains") else tenant.domains.all()
    return next((domain.host for domain in domains if domain.is_primary), "")


def _mounts_of(tenant: Tenant) -> tuple[MountPoint, ...]:
    facts = tenant.active_mounts if hasattr(tenant, "active_mounts") else list(_active_mounts(tenant.pk))
    points = [MountPoint(**{**fact, "options": json.dumps(fact["options"])}) for fact in facts]
    return tuple(sorted(points, key=lambda point: -len(point.path)))


def _active_mounts(tenant_id: int | OuterRef) -> QuerySet[Mount, dict[str, Any]]:
    facts = JSONObject(app="app", path="path", is_for_staff="is_for_staff", options="options")
    return Mount.objects.filter(tenant=tenant_id, is_on=True).order_by("path").values_list(facts, flat=True)


def _tenants() -> QuerySet[Tenant]:
    # As a list: where Django keeps a queryset for each tenant, a thousand of them take as long as all the rest.
    primary = Prefetch("domains", Domain.objects.filter(is_primary=True), to_attr="primary_domains")
    tenants = Tenant.objects.annotate(active_mounts=ArraySubquery(_active_mounts(OuterRef("pk"))))
    return tenants.select_related("state").prefetch_related(primary)


def _load(key: str) -> TenantInfo | None:
    kind, _, value = key.partition(":")
    matches = Q(slug=value) if kind == "slug" else Q(pk__in=Domain.objects.filter(host=value).values("tenant"))
    with use_tenant(PLATFORM):
        # A deleted tenant is looked for, and not found, just as one that never was.
        tenant = _tenants().filter(matches, status__in=EXISTING).first()
        return None if tenant is None else info_of(tenant)
