"""Two hundred concurrent requests on one event loop, sync and async, streamed or not: every body is its tenant's."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, field
from itertools import cycle, islice, product
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import connection, connections
from django.test import override_settings
from django.urls import get_script_prefix, get_urlconf

from tenants import TenantInfo, active_tenant
from tenants.contrib.limits.asgi import ASGIHandler
from tenants.registry.listener import listener
from tenants.registry.lookup import tenant_by_slug
from tenants.registry.resolver import resolve_from_memory
from tests.isolation import urls
from tests.isolation.test_threads import marker_of
from tests.settings import TENANTS
from tests.waiting import eventually

STAGES = [
    ("/plain/", ""),
    ("/plain/", "view"),
    ("/plain/", "sql"),
    ("/template/", "template"),
    ("/atomic/", ""),
    ("/atomic/", "atomic"),
    ("/plain-async/", ""),
    ("/plain-async/", "before"),
    ("/plain-async/", "view"),
    ("/plain-async/", "after"),
    ("/gathered/", ""),
    ("/gathered/", "view"),
    ("/stream-async/", ""),
    ("/stream-async/", "stream"),
    ("/stream/", ""),
    ("/rows/", ""),
]

# Django reads a synchronous stream to its end before it sends the first of it, and says so.
pytestmark = pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume synchronous iterators")


@dataclass
class Request:
    """One request as an ASGI server has it, and what was sent in answer."""

    host: bytes
    path: str
    query: str = ""
    status: int = 0
    body: bytes = b""
    first_chunk: asyncio.Event = field(default_factory=asyncio.Event)
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    asked: bool = False
    takes_one_chunk: bool = False
    hung_up: bool = False

    async def receive(self) -> dict[str, Any]:
        if not self.asked:
            self.asked = True
            return {"type": "http.request"}
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        if self.hung_up:
            raise OSError("no connection")  # as servers may since version 2.4 of ASGI
        self.status = message.get("status", self.status)
        if message.get("body"):
            self.body += message["body"]
            self.first_chunk.set()
            if self.takes_one_chunk:
                await asyncio.Event().wait()
        await asyncio.sleep(0)

    async def go(self, application: ASGIHandler) -> Request:
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
            "path": self.path, "query_string": self.query.encode(), "headers": [(b"host", self.host)],
        }  # fmt: skip
        await application(scope, self.receive, self.send)
        return self

    @property
    def lines(self) -> list[str]:
        return self.body.decode().split("\n")


def request_to(tenant: TenantInfo, path: str, **query: object) -> Request:
    return Request(host=tenant.host.encode(), path=path, query=urlencode(query))


@pytest.fixture
def patient_pool(committed: None) -> Iterator[None]:
    """Two hundred at once share ten connections; on a busy machine the last one waits long for its turn."""
    pool = connections.settings["default"]["OPTIONS"]["pool"]
    impatient = dict(pool)
    connection.close_pool()
    pool["timeout"] = 120
    yield
    connection.close_pool()
    pool.update(impatient)


@pytest.fixture
def application(committed: None) -> Iterator[ASGIHandler]:
    with override_settings(TENANTS={**TENANTS, "TENANT_URLCONF": "tests.isolation.urls"}, MIDDLEWARE=urls.MIDDLEWARE):
        yield ASGIHandler()


@pytest.fixture
def shops(committed: None) -> list[TenantInfo]:
    return [tenant_by_slug(slug) for slug in ("acme", "globex", "initech")]


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run `main` to its end, and check that no tenant stays active on its event loop."""

    async def and_look() -> None:
        await main
        assert active_tenant() is None
        assert (get_script_prefix(), get_urlconf()) == ("/", None)

    asyncio.run(and_look())
    assert active_tenant() is None


def expected(tenant: TenantInfo, path: str, fault: str) -> tuple[int, set[str]]:
    if path == "/rows/":
        return 200, {f"owner@{tenant.slug}.example"}
    return 500 if fault and fault != "stream" else 200, {marker_of(tenant)}


def test_two_hundred_at_once_get_their_own_tenants_body(
    application: ASGIHandler, shops: list[TenantInfo], patient_pool: None
) -> None:
    stages = list(islice(cycle(product(shops, STAGES)), 200))
    random.Random(2).shuffle(stages)

    async def one(number: int, tenant: TenantInfo, path: str, fault: str) -> None:
        request = request_to(tenant, path, fault=fault, name=f"asgi-{number}")
        try:
            await request.go(application)
        except urls.Fault:
            assert fault == "stream"
        assert (request.status, set(request.lines) - {""}) == expected(tenant, path, fault)
        assert active_tenant() is None

    async def main() -> None:
        tasks = (one(number, tenant, *stage) for number, (tenant, stage) in enumerate(stages))
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert [result for result in results if result is not None] == []

    run(main())


def test_sequential_requests_on_one_loop_leave_no_tenant_active(
    application: ASGIHandler, shops: list[TenantInfo]
) -> None:
    async def main() -> None:
        for tenant, (path, fault) in product(shops, STAGES):
            request = request_to(tenant, path, fault=fault, name="asgi")
            try:
                await request.go(application)
            except urls.Fault:
                assert fault == "stream"
            assert (request.status, set(request.lines) - {""}) == expected(tenant, path, fault)
            assert active_tenant() is None

    run(main())


@pytest.mark.parametrize("path", ["/stream-async/", "/stream/"])
def test_every_chunk_of_a_stream_is_its_own_tenants(
    application: ASGIHandler, shops: list[TenantInfo], path: str
) -> None:
    async def main() -> None:
        requests = [request_to(tenant, path) for tenant in shops for _ in range(3)]
        await asyncio.gather(*(request.go(application) for request in requests))
        for request, tenant in zip(requests, [tenant for tenant in shops for _ in range(3)], strict=True):
            assert request.lines == [*[marker_of(tenant)] * urls.CHUNKS, ""]

    run(main())


@pytest.mark.parametrize("takes_one_chunk", [False, True], ids=["while it works", "between two chunks"])
def test_a_stream_whose_client_goes_away_is_closed_as_its_tenant(
    application: ASGIHandler, shops: list[TenantInfo], takes_one_chunk: bool
) -> None:
    urls.closed_as.clear()

    async def go_away(tenant: TenantInfo) -> None:
        request = request_to(tenant, "/endless/")
        request.takes_one_chunk = takes_one_chunk
        serving = asyncio.create_task(request.go(application))
        await asyncio.wait_for(request.first_chunk.wait(), 30)
        request.gone.set()
        await serving
        assert set(request.lines) - {""} == {marker_of(tenant)}

    async def main() -> None:
        await asyncio.gather(*(go_away(tenant) for tenant in shops * 3))
        for _ in range(20):  # the event loop closes what has no reference any more
            await asyncio.sleep(0)

    run(main())
    assert sorted(urls.closed_as) == sorted(tenant.slug for tenant in shops * 3)


@pytest.mark.parametrize("path", ["/plain/", "/plain-async/", "/stream-async/", "/stream/"])
def test_the_pool_gets_its_connection_back_from_a_client_who_hung_up(
    application: ASGIHandler, shops: list[TenantInfo], path: str
) -> None:
    async def main() -> None:
        for _ in range(connections.settings["default"]["OPTIONS"]["pool"]["max_size"] + 1):
            request = request_to(shops[0], path)
            request.hung_up = True
            with pytest.raises(OSError, match="no connection"):
                await request.go(application)
            # Threads that write counts down borrow one now and then.
            assert eventually(lambda: lent() == 0)

    connection.close()
    connection.close_pool()  # what threads of other tests have not given back is not counted here
    run(main())


def lent() -> int:
    """Return how many connections are out of the pool."""
    pool = connection.pool  # type: ignore[attr-defined]
    stats = pool.get_stats()
    return int(stats["pool_size"] - stats["pool_available"])


def test_cancelled_view_leaves_no_tenant_active(application: ASGIHandler, shops: list[TenantInfo]) -> None:
    urls.closed_as.clear()

    async def go_away(tenant: TenantInfo) -> None:
        request = request_to(tenant, "/waiting/")
        serving = asyncio.create_task(request.go(application))
        await asyncio.wait_for(urls.waiting[tenant.slug].wait(), 30)
        request.gone.set()
        await serving
        assert request.status == 0
        assert active_tenant() is None

    async def main() -> None:
        urls.waiting.update({tenant.slug: asyncio.Event() for tenant in shops})
        await asyncio.gather(*(go_away(tenant) for tenant in shops))

    run(main())
    assert sorted(urls.closed_as) == sorted(marker_of(tenant) for tenant in shops)


def test_a_host_that_is_remembered_is_not_looked_up_in_a_thread(
    application: ASGIHandler, shops: list[TenantInfo], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A warm request starts at once: it waits neither for the database nor for a thread."""

    def refuse(host: str, path: str) -> None:
        raise AssertionError("asked the database")

    # A process that begins to listen clears its cache.
    listener.start()
    assert listener.listening.wait(timeout=600)

    async def main() -> None:
        # Once is enough, unless another change arrives at that moment.
        while resolve_from_memory(shops[0].host, "/") is None:
            await request_to(shops[0], "/plain-async/").go(application)
        monkeypatch.setattr("tenants.http.resolution.resolve", refuse)
        request = await request_to(shops[0], "/plain-async/").go(application)
        assert request.lines == [marker_of(shops[0])]

    run(main())


@pytest.mark.parametrize(
    ("hosts", "status"),
    [
        ([b"nobody.localhost"], 404),
        ([b"acme.localhost", b"globex.localhost"], 404),
        ([b"user@acme.localhost"], 404),
        ([b"\xea\xb0\x80.localhost"], 404),
        ([b""], 404),
        ([], 404),
        ([b"ACME.localhost.:8000"], 200),
    ],
)
def test_malformed_hosts_are_refused_under_asgi(application: ASGIHandler, hosts: list[bytes], status: int) -> None:
    async def main() -> None:
        request = Request(host=b"", path="/plain-async/")
        scope = {
            "type": "http", "method": "GET", "path": request.path, "query_string": b"", "http_version": "1.1",
            "headers": [(b"host", host) for host in hosts], "server": ("nobody.invalid", 80),
        }  # fmt: skip
        await application(scope, request.receive, request.send)
        assert request.status == status

    run(main())
