"""Threads that serve three tenants in turn, with errors at every stage: every body is its tenant's."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from io import BytesIO
from itertools import cycle, islice, product
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.handlers.wsgi import WSGIHandler
from django.db import DatabaseError, connection
from django.test import override_settings
from django.urls import get_script_prefix, get_urlconf
from django.utils import timezone

from tenants import PLATFORM, NoActiveTenant, TenantInfo, active_tenant, use_tenant
from tenants.registry.lookup import tenant_by_slug
from tests.isolation import urls
from tests.settings import TENANTS

SETTINGS = {**TENANTS, "TENANT_URLCONF": "tests.isolation.urls"}
THREADS = 6
STAGES = [
    ("/plain/", ""),
    ("/plain/", "before"),
    ("/plain/", "view"),
    ("/plain/", "sql"),
    ("/plain/", "after"),
    ("/template/", ""),
    ("/template/", "template"),
    ("/atomic/", ""),
    ("/atomic/", "savepoint"),
    ("/atomic/", "atomic"),
    ("/stream/", ""),
    ("/stream/", "stream"),
    ("/rows/", ""),
]


@dataclass(frozen=True)
class Answer:
    status: int
    chunks: list[str]
    after: str
    broke: bool


@pytest.fixture
def application(committed: None) -> Iterator[WSGIHandler]:
    """One application, shared by all threads as a server shares it."""
    with override_settings(TENANTS=SETTINGS, MIDDLEWARE=urls.MIDDLEWARE):
        yield WSGIHandler()


@pytest.fixture
def shops(committed: None) -> list[TenantInfo]:
    return [tenant_by_slug(slug) for slug in ("acme", "globex", "initech")]


def marker_of(tenant: TenantInfo) -> str:
    return f"{tenant.slug}|{tenant.schema}|{tenant.role}|owner@{tenant.slug}.example"


def begin(application: WSGIHandler, tenant: TenantInfo, path: str, query: str = "") -> tuple[int, Any]:
    """Send one request as a WSGI server does, and return the status and the body that is to be iterated and closed."""
    statuses: list[str] = []
    environ = {
        "REQUEST_METHOD": "GET", "PATH_INFO": path, "QUERY_STRING": query, "SCRIPT_NAME": "",
        "HTTP_HOST": tenant.host, "SERVER_NAME": "test", "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.url_scheme": "http", "wsgi.input": BytesIO(), "wsgi.errors": BytesIO(), "wsgi.multithread": True,
    }  # fmt: skip
    body = application(environ, lambda status, headers: statuses.append(status))
    return int(statuses[0].split()[0]), body


def fetch(application: WSGIHandler, tenant: TenantInfo, path: str, fault: str, number: int) -> Answer:
    status, body = begin(application, tenant, path, f"fault={fault}&name=group-{number}")
    chunks, broke = [], False
    try:
        for chunk in body:
            assert active_tenant() is None, "no tenant is active between two chunks"
            chunks.append(chunk.decode().strip())
    except urls.Fault:
        broke = True
    finally:
        body.close()
    return Answer(status=status, chunks=chunks, after=body.headers.get("X-After", ""), broke=broke)


def assert_nobody_is_here() -> None:
    assert active_tenant() is None
    assert (get_script_prefix(), get_urlconf()) == ("/", None)
    assert timezone.get_current_timezone() == timezone.get_default_timezone()
    with pytest.raises(NoActiveTenant):
        User.objects.count()
    with pytest.raises(NoActiveTenant), connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    # Past the engine: what does the connection itself still know?
    remembered = connection.connection.execute("SELECT current_setting('search_path'), current_user = session_user")
    assert remembered.fetchone() == ('""', True)
    connection.close()


def expected(tenant: TenantInfo, path: str, fault: str) -> Answer:
    marker = marker_of(tenant)
    if fault == "stream":
        return Answer(200, [marker] * 2, marker, True)
    if fault:
        return Answer(500, [marker], "" if fault in {"before", "after"} else marker, False)
    chunks = {"/stream/": [marker] * urls.CHUNKS, "/rows/": [f"owner@{tenant.slug}.example"]}.get(path, [marker])
    return Answer(200, chunks, marker, False)


def test_requests_on_threads_with_errors_get_their_tenants_body(
    application: WSGIHandler, shops: list[TenantInfo], caplog: pytest.LogCaptureFixture
) -> None:
    requests = list(islice(cycle(product(shops, STAGES)), 200))
    random.Random(2).shuffle(requests)

    def serve(numbered: tuple[int, tuple[TenantInfo, tuple[str, str]]]) -> None:
        number, (tenant, (path, fault)) = numbered
        assert fetch(application, tenant, path, fault, number) == expected(tenant, path, fault)
        assert_nobody_is_here()

    with ThreadPoolExecutor(THREADS) as pool:
        assert len(list(pool.map(serve, enumerate(requests)))) == 200
    assert_nobody_is_here()
    for tenant in shops:
        with use_tenant(tenant):
            assert not Group.objects.filter(name__startswith="group-").exists(), "all were rolled back or deleted"


def test_the_same_thread_serves_tenant_after_tenant(application: WSGIHandler, shops: list[TenantInfo]) -> None:
    for number, (stage, tenant) in enumerate(product(STAGES, shops)):
        assert fetch(application, tenant, *stage, number) == expected(tenant, *stage)
        assert_nobody_is_here()


@pytest.mark.parametrize("path", ["/stream/", "/rows/"])
def test_bodies_streamed_in_turns_on_one_thread_stay_their_own(
    application: WSGIHandler, shops: list[TenantInfo], path: str
) -> None:
    bodies = [(tenant, begin(application, tenant, path)[1]) for tenant in shops]
    iterators = [(tenant, iter(body)) for tenant, body in bodies]
    seen: Counter[str] = Counter()
    for _ in range(urls.CHUNKS):
        for tenant, chunks in iterators:
            with suppress(StopIteration):
                assert f"owner@{tenant.slug}.example" in next(chunks).decode()
                seen[tenant.slug] += 1
            assert active_tenant() is None
    for _, body in bodies:
        body.close()
    assert len(seen) == 3
    assert_nobody_is_here()


def test_a_body_that_is_not_wanted_to_its_end_is_closed_as_its_tenant(
    application: WSGIHandler, shops: list[TenantInfo]
) -> None:
    """A client went away. What the body still does, in `except` or `finally`, it does as itself."""
    urls.closed_as.clear()
    for tenant in shops:
        body = begin(application, tenant, "/stream/")[1]
        next(iter(body))
        body.close()
        assert_nobody_is_here()
    assert urls.closed_as == [marker_of(tenant) for tenant in shops]


def test_what_a_streamed_body_says_of_its_place_is_right(application: WSGIHandler, shops: list[TenantInfo]) -> None:
    for tenant in shops:
        _, body = begin(application, tenant, "/place/")
        assert [chunk.decode() for chunk in body] == [f"/place/ {tenant.time_zone}\n"] * 2
        body.close()
    with override_settings(TENANTS={**SETTINGS, "PATH_PREFIX": "t"}):
        _, body = begin(application, replace(PLATFORM, host="localhost"), "/t/acme/place/")
        assert [chunk.decode() for chunk in body] == [f"/t/acme/place/ {shops[0].time_zone}\n"] * 2
        body.close()
    assert_nobody_is_here()


def test_the_table_of_faults_is_told_from_no_fault(application: WSGIHandler, shops: list[TenantInfo]) -> None:
    """A control: the injected errors do happen, so that the tests above could fail."""
    for path, fault in STAGES:
        answer = fetch(application, shops[0], path, fault, 0)
        assert (answer.status == 500 or answer.broke) == bool(fault)
    with use_tenant(shops[0]), pytest.raises(DatabaseError), connection.cursor() as cursor:
        cursor.execute("SELECT 1/0")
