"""Cached lookup of tenants: queries, invalidation, expiry and bounds."""

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
from tenants.registry.lookup import NOT_CACHED, TTL_WITHOUT_LISTEN, Registry, tenant_by_slug
from tenants.registry.resolver import HostStatus, resolve
from tenants.registry.tenant_info import all_tenants
from tests.settings import TENANTS


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Registry:
    """A new registry that listens for changes, in place of the one of the process."""
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
    [("slug:acme", 2), ("slug:nobody", 3), ("host:nobody.example", 3)],  # two for the index of all keys
)
def test_lookup_repeated_costs_no_query(db: None, registry: Registry, key: str, cold: int) -> None:
    assert queries(lambda: registry.get(key)) == cold
    assert queries(lambda: [registry.get(key) for _ in range(100)]) == 0


def test_lookup_inside_any_tenant_queries_as_the_platform(
    acme: TenantInfo, globex: TenantInfo, registry: Registry
) -> None:
    for tenant in (acme, PLATFORM):
        with use_tenant(tenant):
            registry.clear()
            assert registry.get("slug:globex") == globex
    registry.clear()
    assert registry.get("slug:globex") == globex


@pytest.mark.parametrize("key", ["", "acme", "slug:", "host:", "id:1", "slug:acme'; --", "slug:ACME", "host:acme"])
def test_lookup_of_malformed_or_unknown_key_returns_none(db: None, registry: Registry, key: str) -> None:
    assert registry.get(key) is None


def test_lookup_by_domain_returns_its_tenant(acme: TenantInfo, registry: Registry) -> None:
    with use_tenant(PLATFORM):
        Domain.objects.create(tenant_id=acme.id, host="Acme.Example.", is_primary=True)
        Domain.objects.create(tenant_id=acme.id, host="old.example")
    assert registry.get("host:acme.example") == registry.get("host:old.example")
    found = registry.get("slug:acme")
    assert found is not None
    assert found.host == "acme.example"


def test_lookup_of_numeric_slug_never_uses_the_id(db: None, registry: Registry) -> None:
    with use_tenant(PLATFORM):
        first = Tenant.objects.order_by("pk")[0]
        Tenant.objects.create(slug=str(first.pk), name="Named like another's id")
        Tenant.objects.create(slug="0", name="Zero")
    assert tenant_by_slug(str(first.pk)).name == "Named like another's id"
    assert tenant_by_slug("0").name == "Zero"
    with pytest.raises(TenantNotFound):
        tenant_by_slug("1e0")


def test_tenant_by_unknown_slug_raises_with_the_slug(db: None, registry: Registry) -> None:
    with pytest.raises(TenantNotFound, match="'nobody'") as missing:
        tenant_by_slug("nobody")
    assert missing.value.slug == "nobody"


def test_all_tenants_takes_two_queries_in_order_of_slugs(acme: TenantInfo) -> None:
    found: list[TenantInfo] = []
    assert queries(lambda: found.extend(all_tenants(slug__in=["initech", "acme"]))) == 2
    assert [tenant.slug for tenant in found] == ["acme", "initech"]
    assert found[0] == acme


# --- Changes


def test_change_in_this_process_applies_at_its_commit(
    open_shop: Callable[..., TenantInfo], registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = open_shop()

    def status_for_others() -> HostStatus:
        try:
            return resolve(shop.host, "/").status
        finally:
            connection.close()

    assert resolve(shop.host, "/").status is HostStatus.OPEN
    with transaction.atomic():
        suspend_tenant(shop.slug)
        with ThreadPoolExecutor(1) as pool:  # other connections see committed rows
            assert pool.submit(status_for_others).result() is HostStatus.OPEN
    assert resolve(shop.host, "/").status is HostStatus.SUSPENDED
    resume_tenant(shop.slug)
    assert resolve(shop.host, "/").status is HostStatus.OPEN


def test_tenant_created_after_a_failed_lookup_is_found(
    open_shop: Callable[..., TenantInfo], registry: Registry
) -> None:
    assert registry.get("slug:too-early") is None
    assert registry.get("slug:too-early") is None
    assert registry.get(f"slug:{open_shop('too-early').slug}") is not None


def test_invalidate_drops_the_tenant_and_unknown_keys_only(
    acme: TenantInfo, globex: TenantInfo, registry: Registry
) -> None:
    for key in ("slug:acme", "slug:globex", "slug:nobody"):
        registry.get(key)
    assert registry.sizes() == (2, 1)
    registry.invalidate(acme.id)
    assert registry.get_cached("slug:acme") is NOT_CACHED
    assert registry.get_cached("slug:nobody") is NOT_CACHED
    assert registry.get_cached("slug:globex") == globex


@pytest.mark.parametrize(
    "change",
    [
        lambda registry: registry.invalidate(404),
        lambda registry: registry.clear(),
        lambda registry: registry.set_listening(False),
    ],
    ids=["one changed", "any may have changed", "connection lost"],
)
def test_answer_read_before_a_change_is_not_cached(
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
        assert registry.get_cached(key) is NOT_CACHED
    monkeypatch.setattr(registry_module, "_load", read)
    registry.get("slug:acme")
    assert registry.get_cached("slug:acme") == acme


# --- Expiry and bounds


@pytest.mark.parametrize(("listening", "seconds"), [(True, 60.0), (False, TTL_WITHOUT_LISTEN)])
def test_answer_expires_sooner_without_listener(
    acme: TenantInfo, registry: Registry, monkeypatch: pytest.MonkeyPatch, listening: bool, seconds: float
) -> None:
    clock = SimpleNamespace(monotonic=lambda: 1000.0)
    monkeypatch.setattr(registry_module, "time", clock)
    registry.set_listening(listening)
    registry.get("slug:acme")
    registry.get("slug:nobody")
    clock.monotonic = lambda: 1000.0 + seconds - 0.001
    assert registry.get_cached("slug:acme") == acme
    assert registry.get_cached("slug:nobody") is None
    clock.monotonic = lambda: 1000.0 + seconds + 0.001
    assert registry.get_cached("slug:acme") is NOT_CACHED
    assert registry.get_cached("slug:nobody") is NOT_CACHED


def test_new_registry_is_not_listening() -> None:
    assert not Registry()._is_listening


def test_flood_of_unknown_hosts_evicts_no_tenant(
    acme: TenantInfo, globex: TenantInfo, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tenants.registry.key_index.LARGEST", 0)  # no index, so that unknown keys are cached
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
        assert registry.get_cached("slug:invented-0") is NOT_CACHED


def test_full_cache_evicts_the_least_recently_used(
    acme: TenantInfo, globex: TenantInfo, initech: TenantInfo, registry: Registry
) -> None:
    with override_settings(TENANTS={**TENANTS, "REGISTRY_SIZE": 2}):
        for slug in ("acme", "globex", "acme", "initech"):
            registry.get(f"slug:{slug}")
        assert registry.sizes() == (2, 0)
        assert registry.get_cached("slug:globex") is NOT_CACHED
        assert registry.get_cached("slug:acme") == acme


def test_changed_settings_clear_the_registry(acme: TenantInfo) -> None:
    from tenants.registry.lookup import registry as of_the_process

    of_the_process.get("slug:acme")
    with override_settings(TENANTS={**TENANTS, "ORIGIN": "http://shops.example"}):
        assert tenant_by_slug("acme").host == "acme.shops.example"
    assert tenant_by_slug("acme").host == acme.host


def test_threads_look_up_while_tenants_change(committed: None, registry: Registry) -> None:
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
