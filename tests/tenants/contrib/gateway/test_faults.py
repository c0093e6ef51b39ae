"""Faults of services: each request gets the right status, and none is lost if another address works."""

from __future__ import annotations

import asyncio
import http.client
import socket
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import psutil
import pytest

from tenants import TenantInfo
from tenants.contrib.services.circuit_breaker import BreakerState
from tenants.registry.lookup import tenant_by_slug
from tests.tenants.contrib.gateway import upstreams
from tests.tenants.contrib.gateway.conftest import Front
from tests.tenants.contrib.gateway.upstreams import Failing, Telling
from tests.waiting import eventually

QUICK = {"connect_seconds": 1.0, "attempt_seconds": 1.0, "total_seconds": 10.0, "idle_seconds": 2.0}
PATIENT = {**QUICK, "attempt_seconds": 30.0, "total_seconds": 120.0}
"""Where it is not waiting that fails: a busy machine is no fault of a service's."""

FAULTS = {
    "hang": (upstreams.hang, 504), "slow": (upstreams.slow, 504), "kill": (upstreams.kill, 502),
    "cut_small": (upstreams.cut_small, 502), "rubbish": (upstreams.rubbish, 502),
    "switch": (upstreams.switch, 502),
    "rubbish_chunks": (upstreams.rubbish_chunks, 502), "too_many_headers": (upstreams.too_many_headers, 502),
}  # fmt: skip


def closed_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def many(front: Front, number: int, *arguments: Any, **options: Any) -> Counter[int]:
    """Ask `number` times, twenty at once, and count what was answered."""
    with ThreadPoolExecutor(20) as threads:
        replies = [threads.submit(front.ask, *arguments, **options) for _ in range(number)]
        return Counter(reply.result().status for reply in replies)


@pytest.mark.parametrize("fault", FAULTS)
def test_every_failed_request_gets_its_right_code(front: Front, shop: TenantInfo, fault: str) -> None:
    talk, code = FAULTS[fault]
    front.behind(Failing(talk), retries=0, **(QUICK if code == 504 else PATIENT))
    reply = front.ask(shop)
    assert reply.status == reply.json["status"] == code
    assert reply.json["request_id"] == reply.headers["X-Request-ID"]
    assert (
        reply.json["type"]
        == {502: "urn:sangga:problem:service-failed", 504: "urn:sangga:problem:service-timed-out"}[code]
    )


@pytest.mark.parametrize("fault", FAULTS)
def test_nothing_idempotent_is_lost_when_another_address_lives(front: Front, shop: TenantInfo, fault: str) -> None:
    bad, good = Failing(FAULTS[fault][0]), Telling()
    patience = 5.0 if FAULTS[fault][1] == 504 else 30.0  # a busy machine is no fault of the good one
    front.behind(bad, good, **{**QUICK, "attempt_seconds": patience, "total_seconds": 120.0})
    assert many(front, 100, shop) == {200: 100}
    assert bad.asked > 0
    assert many(front, 20, shop, "/", "PUT", b"once or twice") == {200: 20}
    assert eventually(
        lambda: all(address.in_flight == 0 for address in front.gateway.upstreams.by_name["telling"].endpoints)
    )


@pytest.mark.parametrize("fault", FAULTS)
def test_a_hundred_failures_are_told_left_alone_and_heal(front: Front, shop: TenantInfo, fault: str) -> None:
    talk, code = FAULTS[fault]
    bad = Failing(talk)
    front.behind(bad, name="bad", prefixes="/bad/", retries=0, **(QUICK if code == 504 else PATIENT))
    front.behind(Telling(), name="good", prefixes="/good/")
    with ThreadPoolExecutor(2) as threads:
        others = [threads.submit(many, front, 100, one, "/good/") for one in (shop, tenant_by_slug("globex"))]
        told = many(front, 100, shop, "/bad/")
        assert [one.result() for one in others] == [{200: 100}] * 2
    assert set(told) == {code, 503}
    (address,) = front.gateway.upstreams.by_name["bad"].endpoints
    assert address.tenant_breakers.get(shop.id, address.breaker).state is BreakerState.OPEN
    assert bad.asked <= told[code]  # each was sent once, and whom the breaker refused, not at all
    bad.talk = upstreams.be_well
    assert eventually(lambda: front.ask(shop, "/bad/").status == 200)
    assert address.breaker.state is BreakerState.CLOSED
    assert eventually(lambda: address.in_flight == 0)


def test_what_is_not_idempotent_is_asked_once(front: Front, shop: TenantInfo) -> None:
    bad, good = Failing(upstreams.kill), Telling()
    front.behind(bad, good, **PATIENT)
    counted = many(front, 40, shop, "/", "POST", b"pay")
    assert counted[502] == bad.asked > 0
    assert counted[200] == good.asked == 40 - bad.asked


def test_what_never_reached_an_address_is_sent_to_another(front: Front, shop: TenantInfo) -> None:
    good = Telling()
    port = front.loop.run(good.start())
    front.register([f"http://127.0.0.1:{closed_port()}", f"http://127.0.0.1:{port}"], **PATIENT)
    assert many(front, 40, shop, "/", "POST", b"pay") == {200: 40}
    front.loop.run(good.stop())


def test_a_dead_service_is_502_and_then_left_alone(front: Front, shop: TenantInfo) -> None:
    front.register([f"http://127.0.0.1:{closed_port()}"], retries=0, **QUICK)
    statuses = [front.ask(shop).status for _ in range(10)]
    assert statuses[:5] == [502] * 5
    assert 503 in statuses
    refused = front.ask(shop)
    if refused.status == 503:
        assert int(refused.headers["Retry-After"]) >= 1


def test_the_breaker_opens_and_heals(front: Front, shop: TenantInfo) -> None:
    port = closed_port()
    front.register([f"http://127.0.0.1:{port}"], retries=0, **QUICK)
    assert eventually(lambda: front.ask(shop).status == 503)
    (address,) = front.gateway.upstreams.by_name["telling"].endpoints
    assert address.breaker.state is BreakerState.OPEN
    good = Telling()
    front.loop.run(good.start(port))
    assert eventually(lambda: front.ask(shop).status == 200)
    assert address.breaker.state is BreakerState.CLOSED
    assert many(front, 50, shop) == {200: 50}
    front.loop.run(good.stop())


def test_timeouts_of_one_shop_open_the_circuit_for_that_shop(front: Front, shop: TenantInfo) -> None:
    telling = Telling()
    telling.hangs_for = shop.host
    front.behind(telling, retries=0, **QUICK)
    with ThreadPoolExecutor(2) as threads:
        slow, other = (threads.submit(many, front, 100, one) for one in (shop, tenant_by_slug("globex")))
        assert set(slow.result()) == {504, 503}
        assert other.result() == {200: 100}
    (address,) = front.gateway.upstreams.by_name["telling"].endpoints
    assert address.breaker.state is BreakerState.CLOSED
    assert address.tenant_breakers[shop.id].state is BreakerState.OPEN
    telling.hangs_for = ""
    assert eventually(lambda: front.ask(shop).status == 200)
    assert address.accepts(shop.id)


def test_other_services_go_on_while_one_hangs(front: Front, shop: TenantInfo) -> None:
    front.behind(Failing(upstreams.hang), name="bad", prefixes="/bad/", retries=0, **QUICK)
    front.behind(Telling(), name="good", prefixes="/good/")
    with ThreadPoolExecutor(20) as threads:
        hung = [threads.submit(front.ask, shop, "/bad/") for _ in range(20)]
        good = many(front, 100, shop, "/good/")
        assert good == {200: 100}
        assert {reply.result().status for reply in hung} <= {503, 504}


def test_a_stream_that_breaks_off_ends_the_connection(front: Front, shop: TenantInfo) -> None:
    """The beginning was sent with 200; the client must not take it for the whole."""
    front.behind(Failing(upstreams.cut_stream), retries=0, **QUICK)
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        front.ask(shop)


def test_a_client_that_leaves_takes_its_request_along(front: Front, shop: TenantInfo) -> None:
    bad = Failing(upstreams.hang)
    front.behind(bad, attempt_seconds=60.0, total_seconds=60.0)
    client = socket.create_connection(("127.0.0.1", front.port))
    client.sendall(f"GET / HTTP/1.1\r\nHost: {shop.host}\r\n\r\n".encode())
    assert eventually(lambda: "telling" in front.gateway.upstreams.by_name)
    (address,) = front.gateway.upstreams.by_name["telling"].endpoints
    # Who leaves while the gateway connects, leaves a socket behind that uvloop and aiohttp each take for the other's.
    assert eventually(lambda: address.in_flight == bad.asked == 1)
    client.close()
    assert eventually(lambda: address.in_flight == 0)
    assert address.breaker.state is BreakerState.CLOSED
    assert address.failures == 0


def test_client_disconnect_during_a_body_is_no_service_failure(front: Front, shop: TenantInfo) -> None:
    telling = Telling()
    front.behind(telling)
    for number in range(10):
        client = socket.create_connection(("127.0.0.1", front.port))
        client.sendall(f"POST / HTTP/1.1\r\nHost: {shop.host}\r\nContent-Length: 1000000\r\n\r\nhello".encode())
        assert eventually(lambda: telling.bodies >= 5 * (number + 1))  # noqa: B023  # it is called at once
        client.close()
    (address,) = front.gateway.upstreams.by_name["telling"].endpoints
    assert eventually(lambda: address.in_flight == 0)
    assert address.failures == 0
    assert front.ask(shop).status == 200


def test_a_client_that_sends_no_end_of_its_body_is_told_so(front: Front, shop: TenantInfo) -> None:
    front.behind(Telling(), attempt_seconds=0.5)
    answer = front.raw(f"POST / HTTP/1.1\r\nHost: {shop.host}\r\nContent-Length: 1000000\r\n\r\nhello".encode())
    assert answer.startswith(b"HTTP/1.1 408 ")
    (address,) = front.gateway.upstreams.by_name["telling"].endpoints
    assert address.failures == 0


def test_an_unhealthy_address_gets_no_requests_until_it_is_well(front: Front, shop: TenantInfo) -> None:
    ill, well = Telling("ill"), Telling("well")
    ill.is_well = False
    front.behind(ill, well, health_path="/well")
    assert front.ask(shop).status == 200
    first = front.gateway.upstreams.by_name["telling"].endpoints
    assert eventually(lambda: any(not address.is_healthy for address in first))
    assert {front.ask(shop).json["name"] for _ in range(20)} == {"well"}
    well.is_well = False
    assert eventually(lambda: not any(address.is_healthy for address in first))
    assert front.ask(shop).status == 503
    ill.is_well = True
    assert eventually(lambda: any(address.is_healthy for address in first))
    assert front.ask(shop).json["name"] == "ill"


def test_the_least_loaded_address_is_taken(front: Front, shop: TenantInfo) -> None:
    slow, quick = Telling("slow"), Telling("quick")
    slow.delay = 2.0
    front.behind(slow, quick)
    with ThreadPoolExecutor(4) as threads:
        replies = list(threads.map(partial(front.ask, shop), ["/"] * 60))
    assert {reply.status for reply in replies} == {200}
    assert quick.asked > 5 * slow.asked


def test_disabled_address_finishes_its_requests(front: Front, shop: TenantInfo) -> None:
    old, new = Telling("old"), Telling("new")
    old.delay = 1.5
    service = front.behind(old)
    with ThreadPoolExecutor(1) as threads:
        in_hand = threads.submit(front.ask, shop)
        assert eventually(lambda: old.asked == 1)
        port = front.loop.run(new.start())
        front.replace_addresses(service, [f"http://127.0.0.1:{port}"])
        assert eventually(lambda: front.ask(shop).json["name"] == "new")
        assert in_hand.result().json["name"] == "old"
    front.loop.run(new.stop())


def test_without_an_address_it_is_503(front: Front, shop: TenantInfo) -> None:
    front.register([])
    reply = front.ask(shop)
    assert (reply.status, reply.headers["Retry-After"]) == (503, "30")


def test_nothing_leaks(front: Front, shop: TenantInfo) -> None:
    front.behind(Telling())
    front.behind(Failing(upstreams.kill), name="bad", prefixes="/bad/", retries=0)
    many(front, 100, shop)
    many(front, 50, shop, "/bad/")

    async def tasks() -> int:
        return len(asyncio.all_tasks())

    process = psutil.Process()
    before = (front.loop.run(tasks()), process.num_fds())
    many(front, 400, shop)
    many(front, 400, shop, "/bad/")
    addresses = [one for upstream in front.gateway.upstreams.by_name.values() for one in upstream.endpoints]
    assert eventually(lambda: all(address.in_flight == 0 for address in addresses))
    assert eventually(lambda: front.loop.run(tasks()) <= before[0] + 2)
    assert eventually(lambda: process.num_fds() <= before[1] + 20)
