"""Index of all keys that name tenants, so that an unknown host needs no query.

A flood of invented hosts then costs no query and no memory for each. Only hashes are kept, about eighty bytes a key.
"""

from __future__ import annotations

from itertools import chain

from django.db.models import CharField, QuerySet, Value
from django.db.models.functions import Concat

from tenants.context import PLATFORM, use_tenant
from tenants.models import Domain, Tenant

LARGEST = 500_000
"""Maximum of keys; with more there is no index: it would take tens of megabytes, and seconds to read."""

EXISTING = (Tenant.Status.ACTIVE, Tenant.Status.SUSPENDED)
"""Statuses of tenants that a host or slug can find."""


class KnownKeys:
    """The keys at one moment. A key that is not in it names no tenant; one that is in it most likely does."""

    def __init__(self, hashes: frozenset[int], until: float) -> None:
        self._hashes = hashes
        self._until = until

    def excludes(self, key: str, now: float) -> bool:
        """Return whether the key is known to name no tenant."""
        return now <= self._until and hash(key) not in self._hashes


def load_known_keys() -> frozenset[int] | None:
    """Return the hashes of all keys, `host:…` and `slug:…`; None if there are too many. Two queries."""
    with use_tenant(PLATFORM):
        slugs = _keys("slug:", Tenant.objects.filter(status__in=EXISTING), "slug")
        hosts = _keys("host:", Domain.objects.filter(tenant__status__in=EXISTING), "host")
        # hash() of strings has another key in every process, so collisions cannot be crafted.
        hashes = frozenset(hash(key) for key in chain(slugs, hosts))
    return hashes if len(hashes) <= LARGEST else None


def _keys(kind: str, rows: QuerySet[Tenant] | QuerySet[Domain], name: str) -> QuerySet[Tenant, str]:
    key = Concat(Value(kind), name, output_field=CharField())
    return rows.order_by().values_list(key, flat=True)[: LARGEST + 1]  # type: ignore[return-value]
