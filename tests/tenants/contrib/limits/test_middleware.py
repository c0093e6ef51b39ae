"""Requests beyond a tenant's limits, sync and async: their responses, and no effect on other tenants."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import product
from typing import Any

import pytest
from django.db import connection, connections
from django.http import StreamingHttpResponse
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext

from tenants import PLATFORM, TenantInfo, use_tenant
from tenants.contrib.limits.asgi import ASGIHandler
from tenants.contrib.limits.counters import LimitKind, limit_counters
from tenants.contrib.limits.middleware import limiter
from tenants.contrib.limits.models import LimitHit
from tenants.models import Tenant
from tenants.registry.listener import listener
from tenants.registry.lookup import registry
from tests.isolation import busy_urls
from tests.isolation.test_asgi import Request, request_to
from tests.settings import TENANTS
from tests.waiting import eventually

Shop = Callable[..., TenantInfo]


def tenancy_settings() -> dict[str, Any]:
    plans = {"standard": {}, "tiny": {"CONCURRENCY": 1}}
    return {**TENANTS, "TENANT_URLCONF": "tests.isolation.busy_urls", "PLANS": plans}


@pytest.fixture(autouse=True)
def _busy_site() -> Iterator[None]:
    busy_urls.inside.clear()
    busy_urls.go_on.clear()
    limit_counters.take()
    with override_settings(TENANTS=tenancy_settings()):
        yield
    busy_urls.go_on.set()
    limiter.clear()
    limit_counters.take()


@pytest.fixture
def shop(open_shop: Shop) -> Callable[..., TenantInfo]:
    """Return a function that creates a shop with its own limits."""

    def opened(**limits: Any) -> TenantInfo:
        tenant = open_shop()
        with use_tenant(PLATFORM):
            Tenant.objects.filter(pk=tenant.id).update(**limits)
        registry.clear()
        return tenant

    return opened


def client_of(tenant: TenantInfo, **more: Any) -> Client:
    return Client(HTTP_HOST=tenant.host, raise_request_exception=False, **more)


def in_thread(threads: ThreadPoolExecutor, tenant: TenantInfo, path: str) -> Future[Any]:
    """Send a request in a thread, which then closes its connection, as Django's test client does not."""

    def ask() -> Any:
        try:
            return client_of(tenant).get(path)
        finally:
            connections.close_all()

    return threads.submit(ask)


def too_soon(client: Client, path: str = "/", **more: Any) -> Any:
    """Ask until a request comes too soon after the one before it: on a busy machine the second may be late enough."""
    for _ in range(50):
        answer = client.get(path, **more)
        if answer.status_code == 429:
            return answer
    pytest.fail("no request was refused")


def counted(tenant: TenantInfo) -> dict[LimitKind, int]:
    """Return what was counted since the last call; the listener's thread may have written some of it already."""
    listener.stop()
    counts = Counter(limit_counters.take().get(tenant.id, {}))
    with use_tenant(PLATFORM):
        written = LimitHit.objects.filter(tenant_id=tenant.id)
        for row, kind in product(written, LimitKind):
            counts[kind] += getattr(row, kind.value)
        written.delete()
    return {kind: count for kind, count in counts.items() if count}


def test_the_second_at_once_is_refused_until_the_first_is_done(shop: Shop) -> None:
    tenant, other = shop(max_concurrency=1), shop(max_concurrency=1)
    with ThreadPoolExecutor() as pool:
        first = in_thread(pool, tenant, "/wait/")
        assert busy_urls.inside.wait(180)
        refused = client_of(tenant).get("/")
        assert (refused.status_code, refused["Retry-After"], refused["Cache-Control"]) == (503, "1", "no-store")
        assert "The shop is very busy right now" in refused.text
        assert client_of(other).get("/").status_code == 200
        busy_urls.go_on.set()
        assert first.result(180).status_code == 200
    assert client_of(tenant).get("/").status_code == 200
    assert counted(tenant) == {LimitKind.CONCURRENCY: 1}


def test_who_may_wait_in_line_is_served_in_the_end(shop: Shop) -> None:
    tenant = shop(max_concurrency=1, max_queue=3)
    with ThreadPoolExecutor() as pool:
        first = in_thread(pool, tenant, "/wait/")
        assert busy_urls.inside.wait(180)
        waiting = [in_thread(pool, tenant, "/") for _ in range(3)]
        assert eventually(lambda: limiter.waiting == 3)
        assert client_of(tenant).get("/").status_code == 503
        busy_urls.go_on.set()
        assert [one.result(180).status_code for one in (first, *waiting)] == [200] * 4


def test_too_many_in_a_short_time_get_429_with_the_seconds_to_wait(shop: Shop) -> None:
    tenant, other = shop(max_rate=1, max_burst=3), shop(max_rate=1, max_burst=3)
    assert [client_of(tenant).get("/").status_code for _ in range(3)] == [200] * 3
    refused = too_soon(client_of(tenant))
    assert (refused.status_code, refused["Retry-After"]) == (429, "1")
    assert "Too many requests in a short time" in refused.text
    assert client_of(other).get("/").status_code == 200
    assert counted(tenant)[LimitKind.RATE] == 1


@pytest.mark.parametrize(
    ("path", "accept"),
    [("/", "application/json"), ("/api/v1/x", "*/*"), ("/api/v1/x", "text/html")],
)
def test_a_program_gets_problem_details(shop: Shop, path: str, accept: str) -> None:
    tenant = shop(max_rate=1)
    refused = too_soon(client_of(tenant), path, headers={"accept": accept, "accept-language": "en"})
    assert refused["Content-Type"] == "application/problem+json; charset=utf-8"
    problem = json.loads(refused.content)
    assert problem["type"] == "urn:sangga:problem:too-many-requests"
    assert (problem["status"], problem["title"]) == (429, "Too many requests in a short time")
    assert "wait a moment" in problem["detail"]


def test_a_refusal_asks_no_database(shop: Shop) -> None:
    client = client_of(shop(max_rate=1))
    too_soon(client)
    with use_tenant(PLATFORM), CaptureQueriesContext(connection) as queries:
        before = len(queries)
        while client.get("/").status_code != 429:
            before = len(queries)
    assert len(queries) == before


def test_a_refusal_is_rendered_once_for_each_language(shop: Shop) -> None:
    client = client_of(shop(max_rate=1))
    for language in ("en", "ko"):
        refused = too_soon(client, headers={"accept-language": language})
        assert refused["Content-Language"] == language
        assert f'lang="{language}"' in refused.text


def test_static_files_are_not_counted(shop: Shop) -> None:
    tenant = shop(max_rate=1)
    client = client_of(tenant)
    for _ in range(20):
        response = client.get("/static/tenants/pages.css")
        assert response.status_code == 200
        response.close()
    assert client.get("/").status_code == 200
    assert too_soon(client, "/static/there-is-no-such-file.css"), "what is no file reaches the shop"


def test_an_error_gives_the_place_back(shop: Shop) -> None:
    tenant = shop(max_concurrency=1)
    for _ in range(3):
        assert client_of(tenant).get("/fail/").status_code == 500


def test_a_stream_keeps_the_place_until_it_ends(shop: Shop) -> None:
    tenant = shop(max_concurrency=1)
    response = client_of(tenant).get("/stream/")
    assert isinstance(response, StreamingHttpResponse)
    assert client_of(tenant).get("/").status_code == 503
    assert b"".join(response) == b"ab"
    assert client_of(tenant).get("/").status_code == 200


@pytest.mark.parametrize("limits", [{"RATE": 1}, {"RATE": 1, "BURST": 5}])
def test_the_platform_has_the_limits_of_its_setting(committed: None, limits: dict[str, int]) -> None:
    """Fault 28: the platform's own host is bounded as a shop's is, and says so as a page of the platform."""
    client = Client(HTTP_HOST="localhost")
    with override_settings(TENANTS={**TENANTS, "PLATFORM_LIMITS": {}}):
        for _ in range(30):
            assert client.get("/").status_code == 200
    assert len(limiter) == 0
    with override_settings(TENANTS={**TENANTS, "PLATFORM_LIMITS": limits}):
        refused = too_soon(client)
    assert (refused["Retry-After"], refused["Cache-Control"]) == ("1", "no-store")


def test_one_address_has_so_many_requests_at_once_over_all_shops(shop: Shop) -> None:
    """Fault 28: what waits and what is answered for one address is bounded, whichever shops it asks."""
    first, second = shop(), shop()
    with override_settings(TENANTS={**tenancy_settings(), "ADDRESS_CONCURRENCY": 1}), ThreadPoolExecutor() as pool:
        waiting = in_thread(pool, first, "/wait/")
        assert busy_urls.inside.wait(180)
        refused = client_of(second).get("/")
        assert (refused.status_code, refused["Retry-After"]) == (429, "1")
        assert "Too many requests at once from your network" in refused.text
        assert client_of(second, REMOTE_ADDR="192.0.2.77").get("/").status_code == 200
        busy_urls.go_on.set()
        assert waiting.result(180).status_code == 200
        assert client_of(second).get("/").status_code == 200


def test_those_who_wait_at_all_shops_together_are_bounded(shop: Shop) -> None:
    """Fault 28: each who waits has a thread, so lines of many shops must not take all of them."""
    first, second = (shop(max_concurrency=1, max_queue=5) for _ in range(2))
    with override_settings(TENANTS={**tenancy_settings(), "MAX_WAITING_REQUESTS": 2}), ThreadPoolExecutor() as pool:
        inside = [in_thread(pool, tenant, "/wait/") for tenant in (first, second)]
        assert eventually(lambda: len(limiter) == 2)
        waiting = [in_thread(pool, first, "/") for _ in range(2)]
        assert eventually(lambda: limiter.waiting == 2)
        assert client_of(second).get("/").status_code == 503
        busy_urls.go_on.set()
        assert [one.result(180).status_code for one in (*inside, *waiting)] == [200] * 4
    assert limiter.waiting == 0
    assert client_of(second).get("/").status_code == 200


@pytest.mark.parametrize("ways", ["plain", "atomic", "many", "savepoint"])
def test_a_statement_that_takes_too_long_is_cancelled_and_the_page_says_so(shop: Shop, ways: str) -> None:
    tenant = shop(max_statement_seconds=1)
    stopped = client_of(tenant).get(f"/sleep/{ways}/?seconds=60")
    assert (stopped.status_code, stopped["Retry-After"]) == (503, "10")
    assert "This took too long" in stopped.text
    assert client_of(tenant).get(f"/sleep/{ways}/?seconds=0").text == "slept well"
    assert counted(tenant) == {LimitKind.STATEMENT: 1}


def test_an_api_says_in_problem_details_that_it_took_too_long(shop: Shop) -> None:
    stopped = client_of(shop(max_statement_seconds=1)).get("/api/v1/sleep?seconds=60")
    assert stopped.status_code == 503
    assert stopped.json()["type"] == "urn:sangga:problem:took-too-long"


def test_the_limit_of_time_is_each_tenants_own_on_one_connection(shop: Shop) -> None:
    hasty, patient = shop(max_statement_seconds=1), shop()
    assert client_of(hasty).get("/sleep/plain/?seconds=60").status_code == 503
    assert client_of(patient).get("/sleep/plain/?seconds=1.5").text == "slept well"
    with use_tenant(hasty), connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone() == ("0",), "commands and jobs may take their time"


def test_exhausted_pool_is_reported(shop: Shop) -> None:
    tenant = shop()
    assert client_of(tenant).get("/").status_code == 200
    pool = connections.settings["default"]["OPTIONS"]["pool"]
    before = dict(pool)
    connection.close()
    connection.close_pool()
    pool.update(max_size=1, timeout=0.2)
    try:
        connection.ensure_connection()  # this thread has the only one
        with ThreadPoolExecutor() as threads:
            busy = in_thread(threads, tenant, "/sleep/plain/?seconds=0").result(180)
        assert busy.status_code == 503
        assert "The database is very busy right now" in busy.text
    finally:
        connection.close()
        connection.close_pool()
        pool.update(before)


async def until(condition: Callable[[], object]) -> None:
    """Wait for what another task or thread is about to do."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.005)


async def one_inside_and_one_in_line(tenant: TenantInfo) -> list[tuple[Request, asyncio.Task[Request]]]:
    visitors = [request_to(tenant, "/wait-async/"), request_to(tenant, "/")]
    tasks = [asyncio.create_task(visitors[0].go(ASGIHandler()))]
    await until(busy_urls.inside.is_set)
    tasks.append(asyncio.create_task(visitors[1].go(ASGIHandler())))
    await until(lambda: limiter.waiting)
    return list(zip(visitors, tasks, strict=True))


def test_async_the_second_waits_in_line_and_the_third_is_refused(shop: Shop) -> None:
    tenant = shop(max_concurrency=1, max_queue=1)

    async def main() -> None:
        visits = await one_inside_and_one_in_line(tenant)
        assert (await request_to(tenant, "/").go(ASGIHandler())).status == 503
        busy_urls.go_on.set()
        assert [(await task).status for _, task in visits] == [200, 200]
        assert (await request_to(tenant, "/").go(ASGIHandler())).status == 200

    asyncio.run(main())


@pytest.mark.parametrize("who", [0, 1], ids=["inside", "in line"])
def test_async_a_client_that_goes_away_gives_its_place_back(shop: Shop, who: int) -> None:
    tenant = shop(max_concurrency=1, max_queue=1)

    async def main() -> None:
        visits = await one_inside_and_one_in_line(tenant)
        request, task = visits.pop(who)
        request.gone.set()
        await task
        busy_urls.go_on.set()
        assert (await visits[0][1]).status == 200
        assert (await request_to(tenant, "/").go(ASGIHandler())).status == 200
        assert not limiter.waiting

    asyncio.run(main())


@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume synchronous iterators")
@pytest.mark.parametrize("path", ["/wait/", "/wait-in-sync-stream/"])
def test_async_a_place_is_kept_until_the_work_in_the_thread_ends(shop: Shop, path: str) -> None:
    """Fault 46: a client who leaves cancels nothing of a synchronous view, so its place is not free yet."""
    tenant = shop(max_concurrency=1)

    async def main() -> None:
        visitor = request_to(tenant, path)
        task = asyncio.create_task(visitor.go(ASGIHandler()))
        await until(busy_urls.inside.is_set)
        visitor.gone.set()
        for _ in range(20):
            assert (await request_to(tenant, "/").go(ASGIHandler())).status == 503
        busy_urls.go_on.set()
        await task
        assert (await request_to(tenant, "/").go(ASGIHandler())).status == 200

    asyncio.run(main())


def test_async_a_stream_keeps_the_place_until_it_ends(shop: Shop) -> None:
    tenant = shop(max_concurrency=1)

    async def main() -> None:
        request = request_to(tenant, "/stream-async/")
        task = asyncio.create_task(request.go(ASGIHandler()))
        await until(request.first_chunk.is_set)
        assert (await request_to(tenant, "/").go(ASGIHandler())).status == 503
        busy_urls.go_on.set()
        assert (await task).body == b"ab"
        assert (await request_to(tenant, "/").go(ASGIHandler())).status == 200

    asyncio.run(main())


def test_tenant_without_own_limits_has_those_of_its_plan(shop: Shop) -> None:
    tenants = [shop(plan="tiny"), shop(plan="tiny", max_concurrency=5), shop(plan="no such plan"), shop()]
    found = [registry.get(f"slug:{tenant.slug}") for tenant in tenants]
    assert [one.limits.concurrency for one in found if one] == [1, 5, 0, 0]
