"""Refused requests get one kept response during a flood: the one of Django, by all that it depends on."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from io import BytesIO
from itertools import count
from typing import Any, NamedTuple

import pytest
from django.core.signals import request_started
from django.http import HttpRequest
from django.test import override_settings

from config.settings import MIDDLEWARE
from tenants import PLATFORM, TenantInfo, use_tenant
from tenants.conf import tenancy
from tenants.contrib.limits.counters import LimitKind, limit_counters
from tenants.contrib.limits.limiter import Slot, limiter
from tenants.contrib.limits.repeated_answers import REPEATED_SECONDS, RepeatedAnswers
from tenants.contrib.limits.wsgi import WSGIHandler
from tenants.models import Tenant
from tenants.registry.lookup import registry
from tenants.registry.resolver import resolve
from tests.settings import TENANTS
from tests.tenants.contrib.limits.test_middleware import counted


class Answer(NamedTuple):
    status: str
    headers: dict[str, str]
    content: bytes


class NumberingMiddleware:
    """Gives each response another header, as a middleware of a project's may."""

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self._get_response, self._numbers = get_response, count()

    def __call__(self, request: HttpRequest) -> Any:
        response = self._get_response(request)
        response["X-Number"] = str(next(self._numbers))
        return response


@pytest.fixture
def begun() -> Iterator[list[object]]:
    """Return a list with an entry for each request that Django has answered."""
    requests: list[object] = []

    def note(**facts: object) -> None:
        requests.append(facts)

    request_started.connect(note)
    yield requests
    request_started.disconnect(note)


@pytest.fixture
def full_shop(open_shop: Callable[..., TenantInfo]) -> Iterator[TenantInfo]:
    """Return a shop whose only place is taken."""
    tenant = open_shop()
    with use_tenant(PLATFORM):
        Tenant.objects.filter(pk=tenant.id).update(max_concurrency=1, max_queue=0)
    with override_settings(TENANTS={**TENANTS, "PLANS": {"standard": {}}}):
        registry.set_listening(True)  # else what is in memory is believed for one second alone
        tenant = resolve(tenant.host, "/").tenant or tenant  # what is in memory refuses a body
        place = limiter.acquire(tenant, tenancy().limits_of(tenant))
        assert isinstance(place, Slot)
        limit_counters.take()
        yield tenant
        place.release()
    registry.set_listening(False)
    limiter.clear()
    limit_counters.take()


def application_at(clock: Callable[[], float]) -> WSGIHandler:
    application = WSGIHandler()
    application._repeated = RepeatedAnswers(clock)
    return application


def post(application: WSGIHandler, tenant: TenantInfo, path: str = "/", **more: Any) -> Answer:
    environ = {
        "REQUEST_METHOD": "POST", "PATH_INFO": path, "QUERY_STRING": "", "SCRIPT_NAME": "", "HTTP_HOST": tenant.host,
        "CONTENT_LENGTH": "3", "SERVER_NAME": "test", "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "192.0.2.1", "wsgi.url_scheme": "http", "wsgi.input": BytesIO(b"a=b"),
        "wsgi.errors": BytesIO(), "wsgi.multithread": True, **more,
    }  # fmt: skip
    said: list[tuple[str, list[tuple[str, str]]]] = []
    body = application(environ, lambda status, headers: said.append((status, headers)))
    content = b"".join(body)
    getattr(body, "close", lambda: None)()
    return Answer(said[0][0], dict(said[0][1]), content)


def repeat_until_kept(application: WSGIHandler, tenant: TenantInfo, begun: list[object]) -> None:
    """Send requests until Django answers none of three.

    Django answers one more after each time that the registry has forgotten the tenant: when the listener connects, and
    when it hears of the tenant's new limits.
    """
    for _ in range(100):
        before = len(begun)
        for _ in range(3):
            post(application, tenant)
        if len(begun) == before:
            return
    pytest.fail("Django answered every refusal")


def test_later_refusals_equal_the_first_without_django(full_shop: TenantInfo, begun: list[object]) -> None:
    application = application_at(lambda: 0.0)
    answers = [post(application, full_shop) for _ in range(5)]
    assert answers[0].status == "503 Service Unavailable"
    assert answers[0].headers["Retry-After"] == "1"
    assert "Content-Security-Policy" in answers[0].headers
    assert answers == [answers[0]] * 5
    repeat_until_kept(application, full_shop, begun)


def test_each_repeated_refusal_is_counted_for_its_tenant(full_shop: TenantInfo) -> None:
    application = application_at(lambda: 0.0)
    for _ in range(5):
        post(application, full_shop)
    assert counted(full_shop) == {LimitKind.CONCURRENCY: 5}


@pytest.mark.parametrize(
    ("path", "more", "expected"),
    [
        ("/api/v1/x", {}, "application/problem+json; charset=utf-8"),
        ("/", {"HTTP_ACCEPT": "application/json"}, "application/problem+json; charset=utf-8"),
        ("/", {}, "text/html; charset=utf-8"),
    ],
)
def test_program_and_browser_get_their_own_forms(
    full_shop: TenantInfo, path: str, more: dict[str, str], expected: str
) -> None:
    application = application_at(lambda: 0.0)
    for other, others in (("/", {}), ("/api/v1/x", {}), ("/", {"HTTP_ACCEPT": "application/json"})):
        for _ in range(3):
            post(application, full_shop, other, **others)
    assert post(application, full_shop, path, **more).headers["Content-Type"] == expected


def test_repeated_refusals_are_in_the_language_asked_for(full_shop: TenantInfo) -> None:
    application = application_at(lambda: 0.0)
    for language in ("en", "ko", "en", "ko", "en", "ko"):
        for more in ({"HTTP_ACCEPT_LANGUAGE": language}, {"HTTP_COOKIE": f"language={language}"}):
            assert post(application, full_shop, **more).headers["Content-Language"] == language


def test_answer_is_repeated_for_a_second_only(full_shop: TenantInfo, begun: list[object]) -> None:
    now = [0.0]
    application = application_at(lambda: now[0])
    repeat_until_kept(application, full_shop, begun)
    now[0] += REPEATED_SECONDS + 0.1
    before = len(begun)
    post(application, full_shop)
    assert len(begun) == before + 1


def test_shop_with_a_free_place_is_served_at_once(full_shop: TenantInfo) -> None:
    application = application_at(lambda: 0.0)
    for _ in range(3):
        post(application, full_shop)
    limiter.clear()
    assert not post(application, full_shop).status.startswith("503")


def test_answers_that_differ_each_time_are_not_repeated(full_shop: TenantInfo) -> None:
    with override_settings(MIDDLEWARE=[*MIDDLEWARE[:3], f"{__name__}.NumberingMiddleware", *MIDDLEWARE[3:]]):
        application = application_at(lambda: 0.0)
        assert [post(application, full_shop).headers["X-Number"] for _ in range(4)] == ["0", "1", "2", "3"]


def test_every_refusal_has_its_line_where_requests_are_logged(
    full_shop: TenantInfo, caplog: pytest.LogCaptureFixture
) -> None:
    application = application_at(lambda: 0.0)
    with caplog.at_level(logging.INFO, "tenants.access"):
        for _ in range(4):
            post(application, full_shop)
    assert len([record for record in caplog.records if record.name == "tenants.access"]) == 4
