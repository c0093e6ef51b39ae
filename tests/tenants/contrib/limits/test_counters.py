"""Counters of limit hits, saved for the operator without a query during the request."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tenants import PLATFORM, TenantInfo, use_tenant
from tenants.contrib.limits.counters import LimitCounters, LimitKind
from tenants.contrib.limits.models import LimitHit
from tenants.postgresql.direct_connection import connect_directly


@pytest.fixture
def counts() -> LimitCounters:
    return LimitCounters()


@pytest.fixture
def wire(committed: None) -> Iterator[Any]:
    """A connection as the listener's: none of Django's, without a path."""
    with connect_directly() as connection:
        connection.execute("SET search_path = ''")
        yield connection


def written(tenant: TenantInfo) -> list[tuple[int, int, int]]:
    with use_tenant(PLATFORM):
        rows = LimitHit.objects.filter(tenant_id=tenant.id).order_by("hour")
        return list(rows.values_list("refused_rate", "refused_concurrency", "cut_statements"))


def test_what_several_processes_counted_in_an_hour_adds_up(
    counts: LimitCounters, open_shop: Callable[..., TenantInfo], wire: Any
) -> None:
    noisy, slow = open_shop(), open_shop()
    for _ in range(2):
        for kind in (LimitKind.RATE, LimitKind.RATE, LimitKind.CONCURRENCY):
            counts.add(noisy.id, kind)
        counts.add(slow.id, LimitKind.STATEMENT)
        counts.write(wire)
    counts.write(wire)  # nothing new: nothing is added
    # At the turn of an hour there are two rows.
    assert [sum(column) for column in zip(*written(noisy), strict=True)] == [4, 2, 0]
    assert [sum(column) for column in zip(*written(slow), strict=True)] == [0, 0, 2]


def test_purged_tenant_does_not_block_the_hits_of_others(
    counts: LimitCounters, open_shop: Callable[..., TenantInfo], wire: Any
) -> None:
    tenant = open_shop()
    counts.add(2**40, LimitKind.RATE)
    counts.add(tenant.id, LimitKind.RATE)
    counts.write(wire)
    assert written(tenant) == [(1, 0, 0)]


def test_what_is_old_is_forgotten(counts: LimitCounters, open_shop: Callable[..., TenantInfo], wire: Any) -> None:
    tenant, now = open_shop(), datetime.now(UTC)
    with use_tenant(PLATFORM):
        for days in (29, 31):
            LimitHit.objects.create(tenant_id=tenant.id, hour=now - timedelta(days=days), refused_rate=days)
    counts.add(tenant.id, LimitKind.RATE)
    counts.write(wire)
    assert written(tenant) == [(29, 0, 0), (1, 0, 0)]


def test_counts_that_cannot_be_written_are_logged(
    counts: LimitCounters, wire: Any, caplog: pytest.LogCaptureFixture
) -> None:
    counts.add(1, LimitKind.RATE)
    with wire.transaction(force_rollback=True):
        wire.execute("ALTER TABLE public.tenants_limits_limithit RENAME TO elsewhere")
        with wire.transaction(force_rollback=True):
            counts.write(wire)
    assert "Saving the limit hits of 1 tenants failed" in caplog.text
    assert counts.take() == {}
    assert wire.execute("SELECT 1").fetchone() == (1,)


def test_the_listener_writes_them_by_itself(open_shop: Callable[..., TenantInfo]) -> None:
    from tenants.contrib.limits.counters import limit_counters
    from tenants.registry.listener import listener
    from tests.waiting import eventually

    tenant = open_shop()
    listener.start()
    assert listener.listening.wait(180)
    limit_counters.add(tenant.id, LimitKind.RATE)
    with use_tenant(PLATFORM):
        # Any notice wakes it, as its own clock would.
        assert eventually(lambda: _notify() or written(tenant) == [(1, 0, 0)])


def _notify() -> None:
    with connect_directly() as connection:
        connection.execute("NOTIFY tenants_changed, '0'")
