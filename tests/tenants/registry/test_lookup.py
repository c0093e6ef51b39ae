"""Who is asked for twice is looked up once, until something changes."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from tenants import PLATFORM, TenantInfo, TenantNotFound, use_tenant
from tenants.lifecycle import resume_tenant, suspend_tenant
from tenants.models import Domain, Tenant
from tenants.registry import lookup as registry_module
from tenants.registry.lookup import MISSING, TTL_WITHOUT_LISTEN, Registry, tenant_by_slug
from tenants.registry.resolver import HostStatus, resolve
from tenants.registry.tenant_info import all_tenants
from tests.settings import TENANTS


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Registry:
    """A registry of this test's own, in the place of the process's, that hears of changes."""
    own = Registry()
    own.set_listening(True)
    monkeypatch.setattr(registry_module, "registry", own)
    monkeypatch.setattr("tenants.registry.resolver.registry", own)
    return own


def queries(function: Callable[[], Any]) -> int:
    with CaptureQueriesContext(connection) as captured:
        function()
    return len(captured)


@pytest.mark.parametrize(
    ("key", "cold"),
    [("slug:acme", 2), ("slug:nobody", 3), ("host:nobody.example", 3)],  # two for the census of all keys
)
def test_a_warm_answer_costs_no_query_for_known_and_unknown_alike(
    db: None, registry: Registry, key: str, cold: int
) -> None:
    assert queries(lambda: registry.get(key)) == cold
    assert queries(lambda: [registry.get(key) for _ in range(100)]) == 0


def test_it_asks_as_the_platform_whoever_is_active(acme: TenantInfo, globex: TenantInfo, registry: Registry) -> None:
    for tenant in (acme, PLATFORM):
        with use_tenant(tenant):
            registry.clear()
            assert registry.get("slug:globex") == globex
    registry.clear()
    assert registry.get("slug:globex") == globex


@pytest.mark.parametrize("key", ["", "acme", "slug:", "host:", "id:1", "slug:acme'; --", "slug:ACME", "host:acme"])
def test_a_key_that_is_nobodys_finds_nobody(db: None, registry: Registry, key: str) -> None:
    assert registry.get(key) is None


def test_an_own_domain_finds_its_tenant(acme: TenantInfo, registry: Registry) -> None:
    with use_tenant(PLATFORM):
        Domain.objects.create(tenant_id=acme.id, host="Acme.Example.", is_primary=True)
        Domain.objects.create(tenant_id=acme.id, host="old.example")
    assert registry.get("host:acme.example") == registry.get("host:old.example")
    found = registry.get("slug:acme")
    assert found is not None
    assert found.host == "acme.example"


def test_tenants_named_by_numbers_are_found_by_slug_and_never_by_id_or_place(db: None, registry: Registry) -> None:
    with use_tenant(PLATFORM):
        first = Tenant.objects.order_by("pk")[0]
        Tenant.objects.create(slug=str(first.pk), name="Named like another's id")
        Tenant.objects.create(slug="0", name="Zero")
    assert tenant_by_slug(str(first.pk)).name == "Named like another's id"
    assert tenant_by_slug("0").name == "Zero"
    with pytest.raises(TenantNotFound):
        tenant_by_slug("1e0")


def test_a_slug_that_nobody_has_is_an_error_that_names_it(db: None, registry: Registry) -> None:
    with pytest.raises(TenantNotFound, match="'nobody'") as missing:
        tenant_by_slug("nobody")
    assert missing.value.slug == "nobody"


def test_all_tenants_come_by_slug_with_one_query_for_them_and_one_for_their_domains(acme: TenantInfo) -> None:
    found: list[TenantInfo] = []
    assert queries(lambda: found.extend(all_tenants(slug__in=["initech", "acme"]))) == 2
    assert [tenant.slug for tenant in found] == ["acme", "initech"]
    assert found[0] == acme


# --- Changes


def test_a_change_in_this_process_is_known_at_its_commit(
    open_shop: Callable[..., TenantInfo], registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = open_shop()

    def door_for_others() -> HostStatus:
        try:
            return resolve(shop.host, "/").status
        finally:
            connection.close()

    assert resolve(shop.host, "/").status is HostStatus.OPEN
    with transaction.atomic():
        suspend_tenant(shop.slug)
        with ThreadPoolExecutor(1) as pool:  # the others still see what is committed
            assert pool.submit(door_for_others).result() is HostStatus.OPEN
    assert resolve(shop.host, "/").status is HostStatus.SUSPENDED
    resume_tenant(shop.slug)
    assert resolve(shop.host, "/").status is HostStatus.OPEN


def test_a_tenant_that_is_opened_later_is_not_missed_by_who_asked_too_early(
    open_shop: Callable[..., TenantInfo], registry: Registry
) -> None:
    assert registry.get("slug:too-early") is None
    assert registry.get("slug:too-early") is None
    assert registry.get(f"slug:{open_shop('too-early').slug}") is not None


def test_forgetting_a_tenant_forgets_its_keys_and_the_unknown_ones_alone(
    acme: TenantInfo, globex: TenantInfo, registry: Registry
) -> None:
    for key in ("slug:acme", "slug:globex", "slug:nobody"):
        registry.get(key)
    assert registry.sizes() == (2, 1)
    registry.invalidate(acme.id)
    assert registry.get_cached("slug:acme") is MISSING
    assert registry.get_cached("slug:nobody") is MISSING
    assert registry.get_cached("slug:globex") == globex


@pytest.mark.parametrize(
    "change",
    [
        lambda registry: registry.invalidate(404),
        lambda registry: registry.clear(),
        lambda registry: registry.set_listening(False),
    ],
    ids=["somebody changed", "everything may have", "nothing is heard"],
)
def test_an_answer_that_was_read_before_a_change_is_not_kept_after_it(
    acme: TenantInfo, registry: Registry, monkeypatch: pytest.MonkeyPatch, change: Callable[[Registry], None]
) -> None:
    read = registry_module._load

    def read_while_it_changes(key: str) -> TenantInfo | None:
        found = read(key)
        change(registry)
        return found

    monkeypatch.setattr(registry_module, "_load", read_while_it_changes)
    for key in ("slug:acme", "slug:nobody"):
        registry.get(key)
        assert registry.get_cached(key) is MISSING
    monkeypatch.setattr(registry_module, "_load", read)
    registry.get("slug:acme")
    assert registry.get_cached("slug:acme") == acme


# --- Time and room


@pytest.mark.parametrize(("hears", "seconds"), [(True, 60.0), (False, TTL_WITHOUT_LISTEN)])
def test_an_answer_is_believed_for_a_while_and_a_second_where_changes_are_not_heard(
    acme: TenantInfo, registry: Registry, monkeypatch: pytest.MonkeyPatch, hears: bool, seconds: float
) -> None:
    clock = SimpleNamespace(monotonic=lambda: 1000.0)
    monkeypatch.setattr(registry_module, "time", clock)
    registry.set_listening(hears)
    registry.get("slug:acme")
    registry.get("slug:nobody")
    clock.monotonic = lambda: 1000.0 + seconds - 0.001
    assert registry.get_cached("slug:acme") == acme
    assert registry.get_cached("slug:nobody") is None
    clock.monotonic = lambda: 1000.0 + seconds + 0.001
    assert registry.get_cached("slug:acme") is MISSING
    assert registry.get_cached("slug:nobody") is MISSING


def test_a_process_without_a_listener_is_deaf() -> None:
    assert not Registry()._is_listening


def test_a_flood_of_invented_hosts_takes_bounded_room_and_pushes_no_tenant_out(
    acme: TenantInfo, globex: TenantInfo, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tenants.registry.key_index.LARGEST", 0)  # with a census, nobody is remembered
    with override_settings(TENANTS={**TENANTS, "REGISTRY_SIZE": 100}):
        registry.get("slug:acme")
        registry.get("slug:globex")
        for number in range(300):
            key = f"host:{number}.invented.example" if number % 2 else f"slug:invented-{number}"
            assert registry.get(key) is None
            assert registry.sizes() == (2, min(number + 1, 100))
        assert registry.get_cached("slug:acme") == acme
        assert registry.get_cached("slug:globex") == globex
        assert registry.get_cached("slug:invented-298") is None, "the newest are remembered"
        assert registry.get_cached("slug:invented-0") is MISSING


def test_of_more_tenants_than_there_is_room_the_least_recently_asked_go(
    acme: TenantInfo, globex: TenantInfo, initech: TenantInfo, registry: Registry
) -> None:
    with override_settings(TENANTS={**TENANTS, "REGISTRY_SIZE": 2}):
        for slug in ("acme", "globex", "acme", "initech"):
            registry.get(f"slug:{slug}")
        assert registry.sizes() == (2, 0)
        assert registry.get_cached("slug:globex") is MISSING
        assert registry.get_cached("slug:acme") == acme


def test_another_setting_of_tenants_empties_the_process_registry(acme: TenantInfo) -> None:
    from tenants.registry.lookup import registry as of_the_process

    of_the_process.get("slug:acme")
    with override_settings(TENANTS={**TENANTS, "ORIGIN": "http://shops.example"}):
        assert tenant_by_slug("acme").host == "acme.shops.example"
    assert tenant_by_slug("acme").host == acme.host


def test_many_threads_ask_while_everything_changes(committed: None, registry: Registry) -> None:
    acme = tenant_by_slug("acme")
    end = time.monotonic() + 0.5

    def ask(key: str, answer: TenantInfo | None) -> int:
        asked = 0
        while time.monotonic() < end:
            assert registry.get(key) == answer
            asked += 1
        connection.close()
        return asked

    def change() -> int:
        changes = 0
        while time.monotonic() < end:
            registry.invalidate(acme.id)
            registry.clear()
            changes += 1
        return changes

    with ThreadPoolExecutor(6) as pool:
        threads = [pool.submit(ask, "slug:acme", acme) for _ in range(2)]
        threads += [pool.submit(ask, "slug:nobody", None) for _ in range(2)]
        threads += [pool.submit(change)]
        assert all(thread.result() for thread in threads)
