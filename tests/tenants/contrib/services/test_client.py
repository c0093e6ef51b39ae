"""The mesh client in requests and jobs: tenant, user, trace, deadline and retries are passed on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.core.exceptions import SynchronousOnlyOperation
from django.db import connections
from multidict import CIMultiDict

from tenants import PLATFORM, NoActiveTenant, TenantInfo, use_tenant
from tenants.contrib import services
from tenants.contrib.observability.principal import ANONYMOUS, Principal
from tenants.contrib.observability.request_context import RequestContext, use_request_context
from tenants.contrib.services.client import upstreams
from tenants.contrib.services.errors import ServiceFailed, ServiceNotFound
from tenants.contrib.services.event_loop import background_loop
from tenants.contrib.services.identity import HEADER, verify
from tenants.contrib.services.keys import service_keys
from tenants.contrib.services.models import Service
from tenants.contrib.services.registry import service_registry
from tenants.registry.lookup import tenant_by_slug
from tests.tenants.contrib.gateway import upstreams as fakes
from tests.tenants.contrib.gateway.conftest import Loop
from tests.tenants.contrib.gateway.upstreams import Failing, Telling


class Mesh:
    """Registered services on an event loop in another thread."""

    def __init__(self) -> None:
        self.loop = Loop()
        self.rows: list[Service] = []
        self.servers: list[Telling | Failing] = []

    def behind(self, *servers: Telling | Failing, **facts: Any) -> Service:
        ports = [self.loop.run(server.start()) for server in servers]
        self.servers += servers
        with use_tenant(PLATFORM):
            row = Service.objects.create(
                **{"name": "stock", "every_tenant": True, "private_ranges": "127.0.0.0/8", **facts}
            )
            for port in ports:
                row.addresses.create(url=f"http://127.0.0.1:{port}")
        self.rows.append(row)
        service_registry.invalidate()
        service_registry.get()  # so that no other thread asks the database
        return row


@pytest.fixture
def mesh(committed: None) -> Iterator[Mesh]:
    mesh = Mesh()
    service_registry.set_listening(True)
    yield mesh
    service_registry.set_listening(False)
    with use_tenant(PLATFORM):
        Service.objects.filter(pk__in=[row.pk for row in mesh.rows]).delete()
    service_registry.invalidate()
    background_loop.submit(upstreams.close()).result(180)
    for server in mesh.servers:
        mesh.loop.run(server.stop())
    mesh.loop.stop()


@pytest.fixture
def shop(committed: None) -> TenantInfo:
    return tenant_by_slug("acme")


def received(reply: Any) -> CIMultiDict[str]:
    return CIMultiDict(reply.json()["headers"])


def test_a_call_without_async(mesh: Mesh, shop: TenantInfo) -> None:
    mesh.behind(Telling())
    with use_tenant(shop):
        reply = services.get_sync("stock").get("/stock/ä b", params={"q": "1&2"})
    assert reply.status == 200
    assert reply.json()["target"] == "/stock/%C3%A4%20b?q=1%262"
    identity = verify(received(reply)[HEADER], service="stock", keys=service_keys("stock"))
    assert (identity.tenant, identity.slug, identity.principal) == (shop.id, "acme", ANONYMOUS)
    assert received(reply)["Host"] == "acme.localhost:8000"


async def _ask(shop: TenantInfo) -> Any:
    with use_tenant(shop):
        return await services.get("stock").post("/stock/", json={"a": 1})


def test_a_call_with_async(mesh: Mesh, shop: TenantInfo) -> None:
    mesh.behind(Telling())
    reply = async_to_sync(_ask)(shop)
    assert (reply.json()["method"], received(reply)["Content-Type"]) == ("POST", "application/json")


def test_calls_from_many_loops_and_threads_are_told_apart(mesh: Mesh, shop: TenantInfo) -> None:
    mesh.behind(Telling())
    other = tenant_by_slug("globex")

    def ask(number: int) -> tuple[str, str]:
        tenant = (shop, other)[number % 2]
        try:
            if number % 4 < 2:
                reply = asyncio.run(_ask(tenant))
            else:
                with use_tenant(tenant):
                    reply = services.get_sync("stock").get("/")
        finally:
            connections.close_all()
        return tenant.slug, verify(received(reply)[HEADER], service="stock", keys=service_keys("stock")).slug

    with ThreadPoolExecutor(8) as threads:
        assert all(asked == told for asked, told in threads.map(ask, range(80)))


def test_outside_a_context_it_says_what_to_do(mesh: Mesh) -> None:
    mesh.behind(Telling())
    with pytest.raises(NoActiveTenant, match="A call of the service 'stock' needs an active tenant.*use_tenant"):
        services.get_sync("stock").get("/")
    with pytest.raises(NoActiveTenant):
        asyncio.run(services.get("stock").get("/"))


def test_without_async_a_loop_is_not_blocked(mesh: Mesh, shop: TenantInfo) -> None:
    async def wrong() -> None:
        with use_tenant(shop):
            services.get_sync("stock").get("/")

    with pytest.raises(SynchronousOnlyOperation):
        asyncio.run(wrong())


def test_a_service_that_is_not_granted_is_not_there(mesh: Mesh, shop: TenantInfo) -> None:
    mesh.behind(Telling(), every_tenant=False)
    for name in ("stock", "nonsense"):
        with use_tenant(shop), pytest.raises(ServiceNotFound, match=f"{name}.*platform admin"):
            services.get_sync(name).get("/")


def test_a_call_goes_on_with_the_one_it_is_made_in(mesh: Mesh, shop: TenantInfo) -> None:
    mesh.behind(Telling())
    call = RequestContext(
        "req-1", "a" * 32, "b" * 16, deadline=time.monotonic() + 7.0, principal=Principal("3", "app", frozenset({"x"}))
    )
    with use_tenant(shop), use_request_context(call):
        reply = services.get_sync("stock").get("/", headers={"X-Request-ID": "another", HEADER: "forged"})
    headers = received(reply)
    assert headers["X-Request-ID"] == "req-1"
    assert headers["traceparent"].split("-")[1] == "a" * 32
    assert headers["traceparent"].split("-")[2] != "b" * 16
    assert 0 < float(headers["Sangga-Seconds-Left"]) <= 7
    principal = verify(headers[HEADER], service="stock", keys=service_keys("stock")).principal
    assert principal == call.principal
    again = RequestContext.from_headers(headers, principal)
    assert (again.request_id, again.trace_id) == ("req-1", "a" * 32)


def test_signed_in_user_is_read_at_the_call(mesh: Mesh, shop: TenantInfo) -> None:
    mesh.behind(Telling())
    with use_tenant(shop), use_request_context(RequestContext.new(user=lambda: Principal("9"))):
        reply = services.get_sync("stock").get("/")
    assert verify(received(reply)[HEADER], service="stock", keys=service_keys("stock")).principal.user == "9"


def test_who_has_no_time_left_does_not_ask(mesh: Mesh, shop: TenantInfo) -> None:
    telling = Telling()
    mesh.behind(telling)
    late = RequestContext("r", "a" * 32, "b" * 16, deadline=time.monotonic() - 1.0)
    with use_tenant(shop), use_request_context(late), pytest.raises(ServiceFailed) as failed:
        services.get_sync("stock").get("/")
    assert failed.value.status == 504
    assert telling.asked == 0


def test_call_waits_no_longer_than_its_deadline(mesh: Mesh, shop: TenantInfo) -> None:
    mesh.behind(Failing(fakes.hang), attempt_seconds=60.0, total_seconds=60.0, retries=0)
    with use_tenant(shop), pytest.raises(ServiceFailed) as failed:
        services.get_sync("stock").get("/", timeout=0.3)
    assert failed.value.status == 504


def test_another_address_is_asked_and_the_breaker_opens(mesh: Mesh, shop: TenantInfo) -> None:
    bad, good = Failing(fakes.kill), Telling()
    mesh.behind(bad, good)
    with use_tenant(shop):
        assert [services.get_sync("stock").get("/").status for _ in range(30)] == [200] * 30
    assert 0 < bad.asked <= 20  # five failures; aiohttp tries a connection that was reset once more
    states = {address.breaker.state.value for address in upstreams.by_name["stock"].endpoints}
    assert states <= {"closed", "open", "trying"}
    assert good.asked == 30


def test_what_fails_is_told_with_its_status(mesh: Mesh, shop: TenantInfo) -> None:
    mesh.behind(Failing(fakes.rubbish), retries=0)
    with use_tenant(shop), pytest.raises(ServiceFailed, match="stock.*invalid HTTP") as failed:
        services.get_sync("stock").get("/")
    assert failed.value.status == 502


def test_the_services_own_errors_are_replies(mesh: Mesh, shop: TenantInfo) -> None:
    mesh.behind(Telling())
    with use_tenant(shop):
        reply = services.get_sync("stock").get("/status?code=418")
    assert (reply.status, reply.ok, reply.text) == (418, False, "so it is")
    with pytest.raises(ServiceFailed, match="418"):
        reply.raise_for_status()


@pytest.mark.parametrize("method", ["GET /admin?", "", "GET\r\nHost:", "GET\t"])
def test_a_method_is_no_request_line(mesh: Mesh, shop: TenantInfo, method: str) -> None:
    mesh.behind(Telling())
    with use_tenant(shop), pytest.raises(ValueError, match="Invalid HTTP method"):
        services.get_sync("stock").request(method, "/x")


def test_a_path_is_no_address(mesh: Mesh, shop: TenantInfo) -> None:
    mesh.behind(Telling())
    for path in ("http://evil.example/", "stock", ""):
        with use_tenant(shop), pytest.raises(ValueError, match="slash"):
            services.get_sync("stock").get(path)
    with use_tenant(shop):
        assert services.get_sync("stock").get("//evil.example/x").json()["target"].endswith("/x")


def test_abandoned_call_is_cancelled(mesh: Mesh, shop: TenantInfo) -> None:
    hanging = Failing(fakes.hang)
    mesh.behind(hanging, attempt_seconds=60.0, total_seconds=60.0)

    async def leave() -> None:
        with use_tenant(shop), suppress(TimeoutError):
            await asyncio.wait_for(services.get("stock").get("/"), 1.0)

    asyncio.run(leave())
    (address,) = upstreams.by_name["stock"].endpoints
    deadline = time.monotonic() + 10
    while address.in_flight and time.monotonic() < deadline:
        time.sleep(0.01)
    assert address.in_flight == 0


@pytest.mark.parametrize(
    ("scopes", "status"), [(set(), 403), ({"stock:read"}, 403), ({"stock:read", "stock:write", "other"}, 200)]
)
def test_call_for_visitor_without_scope_of_service_is_refused(
    mesh: Mesh, shop: TenantInfo, scopes: set[str], status: int
) -> None:
    """Fault 35: what the gateway asks a visitor for holds as well where another service asks for them."""
    telling = Telling()
    mesh.behind(telling, scopes="stock:read stock:write")
    call = RequestContext.new()._replace(principal=Principal("3", "app", frozenset(scopes)))
    with use_tenant(shop), use_request_context(call):
        if status == 200:
            assert services.get_sync("stock").get("/").status == 200
            return
        for ask in (lambda: services.get_sync("stock").get("/"), lambda: async_to_sync(_ask)(shop)):
            with pytest.raises(ServiceFailed, match="requires the scope .*stock:write") as failed:
                ask()
            assert failed.value.status == status
    assert telling.asked == 0


def test_call_for_stranger_to_service_with_scopes_is_401(mesh: Mesh, shop: TenantInfo) -> None:
    """Fault 35: neither an anonymous client nor a user with only a session has scopes."""
    mesh.behind(Telling(), scopes="stock:read")
    for call, status in ((RequestContext.new(), 401), (RequestContext.new(user=lambda: Principal("9")), 403)):
        with use_tenant(shop), use_request_context(call), pytest.raises(ServiceFailed) as failed:
            services.get_sync("stock").get("/")
        assert failed.value.status == status


def test_call_in_name_of_tenant_needs_no_scope(mesh: Mesh, shop: TenantInfo) -> None:
    """Fault 35: a job has no visitor, and a view may say that it does not ask for its own."""
    mesh.behind(Telling(), scopes="stock:read")
    with use_tenant(shop):
        assert services.get_sync("stock").get("/").status == 200
    with use_tenant(shop), use_request_context(RequestContext.new(user=lambda: Principal("9"))):
        reply = services.get_sync("stock").get("/", as_tenant=True)
    assert verify(received(reply)[HEADER], service="stock", keys=service_keys("stock")).principal == ANONYMOUS


def test_nested_call_that_hangs_leaves_its_caller_time_to_answer(mesh: Mesh, shop: TenantInfo) -> None:
    """Fault 35: who is waited for three seconds gives up on another service before these are over."""
    mesh.behind(Failing(fakes.hang), Failing(fakes.hang), attempt_seconds=60.0, total_seconds=60.0)
    deadline = time.monotonic() + 3.0
    call = RequestContext("r", "a" * 32, "b" * 16, deadline=deadline)
    assert call.seconds_left(60.0) < 2.75
    assert call.seconds_left(1.0) == 1.0
    assert RequestContext.new().seconds_left(60.0) == 60.0
    with use_tenant(shop), use_request_context(call), pytest.raises(ServiceFailed) as failed:
        services.get_sync("stock").get("/")
    assert failed.value.status == 504


def test_service_is_told_how_long_its_own_address_is_waited_for(mesh: Mesh, shop: TenantInfo) -> None:
    """Fault 35: all attempts together have more time, and with that a nested call would use up the caller's."""
    mesh.behind(Telling(), attempt_seconds=4.0, total_seconds=30.0)
    with use_tenant(shop):
        told = received(services.get_sync("stock").get("/"))["Sangga-Seconds-Left"]
    assert 0 < float(told) <= 4.0
