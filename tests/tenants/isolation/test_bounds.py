"""Caches for each tenant, client or path have a bound, also while their database is away.

Fault 62: `PerTenantDict` is tried in `test_per_tenant_dict.py`, the hosts in memory in
`tests/tenants/http/test_request_scope.py`.
"""

from __future__ import annotations

from typing import Any

import pytest
from django.test import RequestFactory, override_settings

from tenants import TenantInfo, use_tenant
from tenants.contrib.api.usage import MAX_CLIENTS, UsageCounter
from tenants.contrib.limits.counters import LimitCounters, LimitKind
from tenants.contrib.oauth import api_keys
from tenants.migrator import apply
from tenants.postgresql.direct_connection import connect_directly
from tests.settings import TENANTS

TENANT = TenantInfo(id=1, slug="one", schema="t_1")


def test_limit_counters_keep_as_many_tenants_as_the_registry() -> None:
    """Fault 62: they are taken by the listener, which may have no connection."""
    counts = LimitCounters()
    with override_settings(TENANTS={**TENANTS, "REGISTRY_SIZE": 10}):
        for number in range(100):
            counts.add(number, next(iter(LimitKind)))
            counts.add(number, next(iter(LimitKind)))
    taken = counts.take()
    assert list(taken) == list(range(90, 100))
    assert all(each.total() == 2 for each in taken.values())


def test_api_usage_that_cannot_be_saved_names_no_more_clients(committed: None, rf: RequestFactory) -> None:
    """Fault 62: a client can invent its name."""
    counter = UsageCounter()
    lost = connect_directly()
    lost.close()
    with override_settings(TENANTS={**TENANTS, "API_USAGE_SECONDS": 60}), use_tenant(TENANT):
        for attempt in range(4):
            for number in range(MAX_CLIENTS * 2):
                counter.count("v1", rf.get("/", headers={"user-agent": f"client-{attempt}-{number}"}))
            counter.save(lost)
    assert len(counter._counts) == MAX_CLIENTS + 1
    assert counter._counts.total() == 4 * MAX_CLIENTS * 2


def test_uses_of_keys_are_remembered_for_the_newest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fault 62: also where more keys than that are used within the minute."""
    monkeypatch.setattr(api_keys, "MAX_TRACKED_KEYS", 5)
    uses = api_keys._LastUses()
    for key in range(20):
        uses.record(TENANT, key)
    assert [key for _, key in uses._saved] == [15, 16, 17, 18, 19]


def test_scripts_of_migrations_are_kept_for_the_newest_ways() -> None:
    """Fault 62: each holds the models of all apps."""
    kept: dict[Any, Any] = {}
    for number in range(apply._KEPT + 20):
        apply._keep(kept, number, object())
    assert list(kept) == list(range(20, apply._KEPT + 20))
