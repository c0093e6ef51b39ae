"""Concurrent runs, creations, purges and renames: one outcome each, and no error page for a shopper."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Thread
from typing import Any

from django.db import DatabaseError, connection
from django.test import Client

from tenants import PLATFORM, TenantInfo, use_tenant
from tenants.lifecycle import TenantSpec, create_tenant, delete_tenant, purge_tenant, rename_tenant
from tenants.migrator.graph import chosen_targets
from tenants.migrator.runner import Run, RunOptions, find_behind
from tenants.migrator.verify import verify
from tenants.models import Tenant
from tenants.postgresql import tenant_schemas as schemas
from tests.tenants.migrator.shoppers import shopping_slowly
from tests.waiting import eventually

OpenShop = Callable[..., TenantInfo]


def to(migration: str, **options: Any) -> RunOptions:
    return RunOptions(targets=tuple(chosen_targets("ledger", migration)), **options)


def in_threads(*calls: Callable[[], Any]) -> list[Any]:
    """Run all concurrently, each in a thread with its own connection, and return their results."""

    def call(function: Callable[[], Any]) -> Any:
        try:
            return function()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(call, calls))


def test_two_runs_at_once_share_the_work(open_shop: OpenShop) -> None:
    shops = [open_shop() for _ in range(4)]
    list(Run(shops, to("0002")))
    first, second = in_threads(
        lambda: list(Run(shops, to("0004"))), lambda: list(Run(list(reversed(shops)), to("0004")))
    )
    assert not any(outcome.failed for outcome in first + second)
    for shop in shops:
        done = [outcome for outcome in first + second if outcome.tenant.slug == shop.slug and outcome.applied]
        assert len(done) == 1, f"{shop.slug} was migrated {len(done)} times"


def test_a_run_meets_creations(open_shop: OpenShop) -> None:
    shops = [open_shop() for _ in range(2)]
    list(Run(shops, to("0002")))
    slugs = [f"meanwhile-{number}" for number in range(3)]

    def create() -> list[TenantInfo]:
        return [create_tenant(TenantSpec(slug=slug)) for slug in slugs]

    made, outcomes = in_threads(create, lambda: list(Run(find_behind()[1], RunOptions())))
    try:
        assert not any(outcome.failed for outcome in outcomes)
        assert list(verify(made + shops)) == []
    finally:
        for slug in slugs:
            delete_tenant(slug)
            purge_tenant(slug)


def test_a_run_meets_a_purge(open_shop: OpenShop) -> None:
    shops = [open_shop() for _ in range(4)]
    list(Run(shops, to("0002")))
    gone = shops[1]
    delete_tenant(gone.slug)
    outcomes, _ = in_threads(lambda: list(Run(shops, RunOptions())), lambda: purge_tenant(gone.slug))
    assert {outcome.tenant.slug for outcome in outcomes if outcome.failed} <= {gone.slug}
    assert list(verify([shop for shop in shops if shop != gone])) == []
    with use_tenant(PLATFORM):
        assert not Tenant.objects.filter(pk=gone.id).exists()
        assert schemas.existing_schemas([gone.schema]) == set()


def test_renaming_under_load_gives_no_error_page(open_shop: OpenShop) -> None:
    shop = open_shop()
    stop = Event()
    seen: list[int] = []

    def visit(host: str) -> None:
        client = Client(HTTP_HOST=host)
        while not stop.is_set():
            seen.append(client.get("/api/v1/goods").status_code)
        connection.close()

    new_slug = f"{shop.slug}-moved"
    visitors = [Thread(target=visit, args=(host,)) for host in (shop.host, f"{new_slug}.localhost")]
    for visitor in visitors:
        visitor.start()
    try:
        for _ in range(3):
            rename_tenant(shop.slug, new_slug)
            rename_tenant(new_slug, shop.slug)
        assert eventually(lambda: {200, 404} <= set(seen))  # on a busy machine visitors come late
    finally:
        stop.set()
        for visitor in visitors:
            visitor.join()
    assert set(seen) == {200, 404}


def test_locked_table_postpones_its_tenant_and_blocks_no_session_long(open_shop: OpenShop) -> None:
    shops = [open_shop() for _ in range(2)]
    list(Run(shops, to("0003")))
    busy, free = shops
    released = Event()
    waits: list[float] = []
    errors: list[Exception] = []

    def shop_on() -> None:
        """Use the same table again and again, behind a session that waits for an exclusive lock."""
        while not released.is_set():
            began = time.monotonic()
            try:
                with use_tenant(busy), connection.cursor() as cursor:
                    cursor.execute("SELECT count(*) FROM ledger_entry")
            except DatabaseError as error:
                errors.append(error)
            waits.append(time.monotonic() - began)
        connection.close()

    shopper = Thread(target=shop_on)
    shopper.start()
    try:
        with shopping_slowly(busy):
            outcomes = {outcome.tenant.slug: outcome for outcome in Run(shops, to("0004", lock_timeout=0.2))}
            assert "lock timeout" in outcomes[busy.slug].error
            assert not outcomes[free.slug].failed
    finally:
        released.set()
        shopper.join()
    assert errors == []
    assert max(waits) < 60, "without a time limit it is as long as the slow one takes"
    assert [outcome.error for outcome in Run([busy], to("0004"))] == [""]
