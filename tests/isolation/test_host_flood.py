"""A hundred thousand invented hosts: no query, no memory, and known hosts stay cached."""

from __future__ import annotations

import secrets
import time
import tracemalloc
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext

from tenants import PLATFORM, TenantInfo, use_tenant
from tenants.models import Domain, Tenant
from tenants.registry import key_index
from tenants.registry import lookup as registry_module
from tenants.registry.listener import listener
from tenants.registry.lookup import registry
from tenants.registry.resolver import HostStatus, resolve, resolve_from_memory
from tests.settings import TENANTS

FLOOD = 100_000


def hears(changes: bool) -> None:
    """Be a process with or without a listener, with an empty cache."""
    registry.set_listening(changes)
    registry._known_keys_at = float("-inf")


@pytest.fixture(autouse=True)
def _hearing(committed: None) -> None:
    listener.start()  # a request would, in the midst of the test
    assert listener.listening.wait(180)
    hears(True)


def queries(function: Callable[[], Any]) -> int:
    with CaptureQueriesContext(connection) as captured:
        function()
    return len(captured)


def invented_hosts(number: int) -> Iterator[str]:
    for count in range(number):
        word = secrets.token_hex(8)
        yield (f"{word}.localhost", f"{word}.example", f"a.{word}.localhost")[count % 3]


def test_a_hundred_thousand_invented_hosts_cost_no_query_and_no_room(acme: TenantInfo) -> None:
    with use_tenant(PLATFORM):
        Domain.objects.create(tenant_id=acme.id, host="acme.example", is_primary=True)
    registry.clear()
    for host in ("acme.localhost", "acme.example"):
        assert resolve(host, "/").tenant is not None
    assert resolve("first.localhost", "/").status is HostStatus.UNKNOWN  # reads the index of keys
    tracemalloc.start()

    def flood() -> None:
        for host in invented_hosts(FLOOD):
            assert resolve(host, "/").status is HostStatus.UNKNOWN

    try:
        before = tracemalloc.get_traced_memory()[0]
        assert queries(flood) == 0
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown < 1_000_000, f"{grown} bytes for unknown hosts"
    assert registry.sizes() == (2, 1)
    assert queries(lambda: resolve("acme.example", "/")) == 0
    answer = resolve("acme.example", "/").tenant
    assert answer is not None
    assert answer.slug == "acme"


def test_request_for_an_invented_host_costs_no_query(acme: TenantInfo) -> None:
    resolve("first.localhost", "/")
    for host in invented_hosts(30):
        with CaptureQueriesContext(connection) as captured:
            assert Client(HTTP_HOST=host).get("/").status_code == 404
        assert len(captured) == 0


def test_an_event_loop_need_not_wait_for_an_invented_host(acme: TenantInfo) -> None:
    resolve("first.localhost", "/")
    assert all(resolve_from_memory(host, "/") is not None for host in invented_hosts(30))


def test_changes_during_a_flood_cost_one_index_a_second(acme: TenantInfo, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SimpleNamespace(monotonic=lambda: 1000.0)
    monkeypatch.setattr(registry_module, "time", clock)
    with override_settings(TENANTS={**TENANTS, "REGISTRY_SIZE": 50}):
        registry.set_listening(True)
        asked = 0
        for number, host in enumerate(invented_hosts(600)):
            if number % 200 == 100:
                registry.invalidate(acme.id)
            asked += queries(lambda host=host: resolve(host, "/"))
            assert registry.sizes()[1] <= 50
        # One query and two for the index; none for 99 more; then one for each, as it is the same second still.
        assert asked == 1 + 2 + 500


def test_the_next_second_has_a_census_again(acme: TenantInfo, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SimpleNamespace(monotonic=lambda: 1000.0)
    monkeypatch.setattr(registry_module, "time", clock)
    resolve("first.localhost", "/")
    registry.invalidate(acme.id)
    clock.monotonic = lambda: 1001.5
    assert queries(lambda: resolve("second.localhost", "/")) == 3
    assert queries(lambda: resolve("third.localhost", "/")) == 0


def test_tenant_created_during_a_flood_is_found(open_shop: Callable[..., TenantInfo]) -> None:
    assert resolve("late-comer.localhost", "/").status is HostStatus.UNKNOWN
    shop = open_shop("late-comer")
    assert resolve(shop.host, "/").status is HostStatus.OPEN
    with use_tenant(PLATFORM):
        Domain.objects.create(tenant_id=shop.id, host="late.example", is_primary=True)
    assert resolve("late.example", "/").status is HostStatus.OPEN


def test_with_more_keys_than_there_is_room_for_there_is_no_known_keys(
    acme: TenantInfo, globex: TenantInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_index, "LARGEST", 1)
    assert resolve("first.localhost", "/").status is HostStatus.UNKNOWN
    assert queries(lambda: resolve("second.localhost", "/")) == 1
    assert queries(lambda: resolve("second.localhost", "/")) == 0


# --- Deleted hosts look like unknown ones


def answers(host: str) -> list[tuple[Any, ...]]:
    """Return all that a visitor sees, and what it cost, the first time and the second."""
    seen = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as captured:
            response = Client(HTTP_HOST=host).get("/some/path/?q=1", headers={"accept-language": "en"})
        statements = [query["sql"].replace(host, "HOST").replace(host.partition(".")[0], "SLUG") for query in captured]
        seen.append((response.status_code, response.content, sorted(response.headers.items()), statements))
    return seen


@pytest.mark.parametrize("changes", [True, False], ids=["with an index", "without"])
@pytest.mark.parametrize("status", [Tenant.Status.DELETED, Tenant.Status.PURGING])
@pytest.mark.parametrize(("gone", "never"), [("acme.localhost", "nobd.localhost"), ("gone.example", "none.example")])
def test_a_shop_that_is_gone_is_like_one_that_never_was(
    acme: TenantInfo, monkeypatch: pytest.MonkeyPatch, changes: bool, status: str, gone: str, never: str
) -> None:
    monkeypatch.setattr(registry_module, "time", SimpleNamespace(monotonic=lambda: 1000.0))  # however slow we are
    with use_tenant(PLATFORM):
        Domain.objects.create(tenant_id=acme.id, host="gone.example")
        Tenant.objects.filter(pk=acme.id).update(status=status)
    seen = []
    for host in (gone, never):
        hears(changes)
        seen.append(answers(host))
    assert seen[0] == seen[1]
    assert seen[0][0][0] == 404
    assert seen[0][0][3] != [], "the first time is asked for"
    assert seen[0][1][3] == [], "the second costs nothing"


def test_a_suspended_shop_is_another_thing(acme: TenantInfo) -> None:
    with use_tenant(PLATFORM):
        Tenant.objects.filter(pk=acme.id).update(status=Tenant.Status.SUSPENDED)
    hears(True)
    assert resolve("first.localhost", "/").status is HostStatus.UNKNOWN
    assert resolve("acme.localhost", "/").status is HostStatus.SUSPENDED


def test_a_census_is_not_believed_for_ever(acme: TenantInfo, monkeypatch: pytest.MonkeyPatch) -> None:
    resolve("first.localhost", "/")
    assert queries(lambda: resolve("second.localhost", "/")) == 0
    later = time.monotonic() + 3600
    monkeypatch.setattr(registry_module, "time", SimpleNamespace(monotonic=lambda: later))
    assert queries(lambda: resolve("third.localhost", "/")) >= 1
