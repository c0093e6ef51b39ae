"""A matching pair of CSRF cookie and form field is accepted only where it was issued."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import CsrfViewMiddleware, get_token
from django.test import AsyncRequestFactory, Client, RequestFactory, override_settings

from tenants import PLATFORM, TenantInfo, use_tenant
from tenants.http.csrf import SignedCsrfCookieMiddleware
from tenants.isolation.signing import TenantSecretKey, new_epoch

A = TenantInfo(id=1, slug="a", schema="t_1", epoch=new_epoch())
ELSEWHERE = [
    replace(A, id=2, schema="t_2"),
    replace(A, epoch=new_epoch()),
    TenantInfo(id=3, slug="b", schema="t_3", epoch=new_epoch()),
    PLATFORM,
]


@pytest.fixture(autouse=True)
def _refusals_without_a_page(settings: Any) -> None:
    settings.CSRF_FAILURE_VIEW = f"{__name__}.refused"


def refused(request: HttpRequest, reason: str) -> HttpResponse:
    return HttpResponse(reason, status=403)


def view(request: HttpRequest) -> HttpResponse:
    return HttpResponse(get_token(request))


def answer(request: HttpRequest, *, signed: bool = True) -> HttpResponse:
    def inside(request: HttpRequest) -> HttpResponse:
        checks = CsrfViewMiddleware(view)
        checks.process_request(request)
        refusal = checks.process_view(request, view, (), {})
        return checks.process_response(request, refusal or view(request))

    return SignedCsrfCookieMiddleware(inside)(request) if signed else inside(request)  # type: ignore[return-value]


def given_out(**how: Any) -> tuple[str, str]:
    """Return the cookie and the form field that a visitor of the active tenant gets."""
    response = answer(RequestFactory().get("/"), **how)
    return response.cookies[settings.CSRF_COOKIE_NAME].value, response.content.decode()


def accepted(cookie: str, *, field: str = "", header: str = "", **how: Any) -> bool:
    request = RequestFactory().post("/", {"csrfmiddlewaretoken": field}, headers={"x-csrftoken": header})
    request.COOKIES[settings.CSRF_COOKIE_NAME] = cookie
    return answer(request, **how).status_code == 200


def test_it_is_accepted_at_home_in_a_form_and_in_a_header() -> None:
    with use_tenant(A):
        cookie, field = given_out()
        assert accepted(cookie, field=field)
        assert accepted(cookie, header=field)
        assert accepted(cookie, header=cookie)  # what a script reads of the cookie
        assert not accepted(cookie)
        assert not accepted(cookie, field=given_out()[1])


@pytest.mark.parametrize("stranger", ELSEWHERE)
def test_it_is_refused_elsewhere(stranger: TenantInfo) -> None:
    with use_tenant(A):
        cookie, field = given_out()
    with use_tenant(stranger):
        assert not accepted(cookie, field=field)
        assert not accepted(cookie, header=cookie)
        own_cookie, own_field = given_out()
        assert not accepted(own_cookie, field=field)
        assert not accepted(own_cookie, header=cookie)
        assert accepted(own_cookie, field=own_field)


@pytest.mark.parametrize("stranger", ELSEWHERE)
def test_djangos_own_cookie_would_be_accepted_everywhere(stranger: TenantInfo) -> None:
    """The control: the test above can fail."""
    with use_tenant(A):
        cookie, field = given_out(signed=False)
    with use_tenant(stranger):
        assert accepted(cookie, field=field, signed=False)


def test_forged_cookie_is_refused() -> None:
    with use_tenant(A):
        bare, field = given_out(signed=False)
        for cookie in (bare, f"{bare}.", f"{bare}.{'0' * 32}", f".{bare}", "", ".", f"{bare}.é", "é" * 32):
            assert not accepted(cookie, field=field)
            assert not accepted(given_out()[0], header=cookie or "x")


def test_a_former_secret_still_signs() -> None:
    with use_tenant(A):
        cookie, field = given_out()
        with override_settings(SECRET_KEY=TenantSecretKey("the next"), SECRET_KEY_FALLBACKS=[settings.SECRET_KEY]):
            assert accepted(cookie, field=field)
        with override_settings(SECRET_KEY=TenantSecretKey("the next"), SECRET_KEY_FALLBACKS=[]):
            assert not accepted(cookie, field=field)


def test_it_is_the_same_asynchronously() -> None:
    async def inside(request: HttpRequest) -> HttpResponse:
        response = HttpResponse(request.COOKIES.get(settings.CSRF_COOKIE_NAME))
        response.set_cookie(settings.CSRF_COOKIE_NAME, "a" * 32)
        return response

    middleware: Any = SignedCsrfCookieMiddleware(inside)
    assert middleware.is_async
    request = AsyncRequestFactory().get("/")
    request.COOKIES[settings.CSRF_COOKIE_NAME] = "b" * 32
    with use_tenant(A):
        response = async_to_sync(middleware)(request)
        assert response.content == b"None"
        request.COOKIES[settings.CSRF_COOKIE_NAME] = response.cookies[settings.CSRF_COOKIE_NAME].value
        assert async_to_sync(middleware)(request).content == b"a" * 32


def test_a_shop_takes_no_other_shops_pair(acme: TenantInfo, globex: TenantInfo) -> None:
    def visitor(tenant: TenantInfo) -> tuple[Client, str]:
        client = Client(HTTP_HOST=tenant.host, enforce_csrf_checks=True)
        return client, str(client.get("/admin/login/").context["csrf_token"])

    login = {"username": "nobody", "password": "wrong"}
    here, field = visitor(acme)
    there, _ = visitor(globex)
    assert here.post("/admin/login/", {**login, "csrfmiddlewaretoken": field}).status_code == 200
    there.cookies[settings.CSRF_COOKIE_NAME] = here.cookies[settings.CSRF_COOKIE_NAME].value
    assert there.post("/admin/login/", {**login, "csrfmiddlewaretoken": field}).status_code == 403
