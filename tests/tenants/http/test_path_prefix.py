"""Tenants under a path of the platform's host: SCRIPT_NAME, cookies and redirects."""

from __future__ import annotations

from collections.abc import Iterator
from http.cookies import SimpleCookie
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.test import Client, RequestFactory, override_settings
from django.urls import get_script_prefix, reverse, set_script_prefix

from tenants import PLATFORM, TenantInfo, use_tenant
from tenants.http.middleware import TenantMiddleware
from tenants.http.path_prefix import override_script_prefix, prefix_cookies, set_script_name
from tests.settings import TENANTS


@pytest.fixture(autouse=True)
def _paths() -> Iterator[None]:
    with override_settings(TENANTS={**TENANTS, "PATH_PREFIX": "t"}):
        assert get_script_prefix() == "/"
        yield
        assert get_script_prefix() == "/"


def answer(view: Any, path: str, cookies: dict[str, str] | None = None, **environ: Any) -> Any:
    request = RequestFactory(headers={"host": "localhost"}).get(path, **environ)
    request.COOKIES.update(cookies or {})
    return TenantMiddleware(view)(request)


def place(request: HttpRequest) -> HttpResponse:
    return HttpResponse(
        "|".join(
            [request.META["SCRIPT_NAME"], request.META["PATH_INFO"], request.path_info, request.path, reverse("place")]
        )
    )


@pytest.fixture
def _marked_urls() -> Iterator[None]:
    with override_settings(TENANTS={**TENANTS, "PATH_PREFIX": "t", "TENANT_URLCONF": "tests.isolation.urls"}):
        yield


@pytest.mark.usefixtures("_marked_urls")
@pytest.mark.parametrize(
    ("path", "inside"),
    [
        ("/t/acme/goods/1/", "/t/acme|/goods/1/|/goods/1/|/t/acme/goods/1/|/t/acme/place/"),
        ("/t/acme/", "/t/acme|/|/|/t/acme/|/t/acme/place/"),
        ("/t/acme", "/t/acme|/|/|/t/acme/|/t/acme/place/"),
        ("/t/acme/t/acme/", "/t/acme|/t/acme/|/t/acme/|/t/acme/t/acme/|/t/acme/place/"),
    ],
)
def test_the_application_is_mounted_at_the_prefix(acme: TenantInfo, path: str, inside: str) -> None:
    assert answer(place, path).text == inside


@pytest.mark.usefixtures("_marked_urls")
def test_the_prefix_comes_after_the_place_at_which_the_project_is_mounted(acme: TenantInfo) -> None:
    """The server's SCRIPT_NAME is kept in front."""
    set_script_prefix("/platform/")
    try:
        response = answer(place, "/t/acme/x/", SCRIPT_NAME="/platform")
        assert response.text == "/platform/t/acme|/x/|/x/|/platform/t/acme/x/|/platform/t/acme/place/"
        assert get_script_prefix() == "/platform/"
    finally:
        set_script_prefix("/")


def test_the_script_prefix_is_put_back_after_an_error(acme: TenantInfo) -> None:
    def fail(request: HttpRequest) -> HttpResponse:
        assert get_script_prefix() == "/t/acme/"
        raise KeyError

    with pytest.raises(KeyError):
        answer(fail, "/t/acme/")
    with pytest.raises(KeyError), override_script_prefix("/a"), override_script_prefix("/a/b"):
        assert get_script_prefix() == "/a/b/"
        raise KeyError


def test_a_redirect_stays_under_the_prefix(acme: TenantInfo) -> None:
    with override_settings(TENANTS={**TENANTS, "PATH_PREFIX": "t", "TENANT_URLCONF": "tests.isolation.urls"}):
        response = answer(lambda request: HttpResponseRedirect(reverse("place")), "/t/acme/")
        assert response["Location"] == "/t/acme/place/"
        assert answer(lambda request: HttpResponse(request.build_absolute_uri("x")), "/t/acme/y/").text == (
            "http://localhost/t/acme/y/x"
        )


# --- Cookies


def test_a_tenant_sees_its_own_cookies_alone(acme: TenantInfo, globex: TenantInfo) -> None:
    sent = {
        "sessionid": "of the platform",
        f"{acme.schema}.sessionid": "of acme",
        f"{globex.schema}.sessionid": "of globex",
        f"x{acme.schema}.sessionid": "of no tenant",
        f"{acme.schema}.{globex.schema}.x": "of acme too",
    }
    seen = answer(lambda request: HttpResponse(repr(sorted(request.COOKIES.items()))), "/t/acme/", sent).text
    assert seen == repr([("sessionid", "of acme"), (f"{globex.schema}.x", "of acme too")])


def test_no_two_tenants_share_the_beginning_of_their_cookies_names() -> None:
    one, eleven = TenantInfo(id=1, slug="a", schema="t_1"), TenantInfo(id=11, slug="b", schema="t_11")
    for mine, other in ((one, eleven), (eleven, one)):
        request = RequestFactory().get("/t/x/")
        request.COOKIES[f"{other.schema}.sessionid"] = "of another"
        set_script_name(request, mine, "/t/x")
        assert not request.COOKIES


def made(path: str | None, script_name: str = "/t/a", **more: Any) -> SimpleCookie:
    response = HttpResponse()
    response.set_cookie("seen", 'a "b"; c', path=path, **more)
    prefix_cookies(response, TenantInfo(id=1, slug="a", schema="t_1"), script_name)
    return response.cookies


@pytest.mark.parametrize(
    ("path", "renamed"),
    [
        ("/", "/t/a"),
        (None, "/t/a"),
        ("/cart/", "/t/a/cart"),
        ("/t/a/cart/", "/t/a/cart"),
        ("/t/a", "/t/a"),
        ("/t/ab/", "/t/a/t/ab"),
    ],
)
def test_a_cookie_is_sent_back_under_the_tenants_path_alone(path: str | None, renamed: str) -> None:
    """A path without a slash at its end is met by the address with and without one, and by no longer name."""
    assert list(made(path)) == ["t_1.seen"]
    assert made(path)["t_1.seen"]["path"] == renamed
    assert made(path)["t_1.seen"].value == 'a "b"; c'


def test_a_cookie_keeps_what_else_was_said_of_it() -> None:
    cookie = made("/", max_age=60, secure=True, httponly=True, samesite="Strict")["t_1.seen"]
    assert (cookie["max-age"], cookie["secure"], cookie["httponly"], cookie["samesite"]) == (60, True, True, "Strict")
    assert made("/", max_age=0)["t_1.seen"]["max-age"] == 0


def test_a_deleted_cookie_is_deleted() -> None:
    response = HttpResponse()
    response.delete_cookie("seen")
    prefix_cookies(response, TenantInfo(id=1, slug="a", schema="t_1"), "/t/a")
    assert response.cookies["t_1.seen"]["max-age"] == 0
    assert response.cookies["t_1.seen"]["path"] == "/t/a"


def test_sessions_of_three_in_one_browser_do_not_mix(
    acme: TenantInfo, globex: TenantInfo, django_user_model: Any
) -> None:
    for tenant, name in ((acme, "alice"), (globex, "gerd"), (PLATFORM, "olga")):
        with use_tenant(tenant):
            django_user_model.objects.create_superuser(username=name, password="secret-123")
    client = Client(HTTP_HOST="localhost")
    places = {"/t/acme": "alice", "/t/globex": "gerd", "": "olga"}
    for prefix, name in places.items():
        answered = client.post(
            f"{prefix}/admin/login/?next={prefix}/admin/", {"username": name, "password": "secret-123"}
        )
        assert (answered.status_code, answered["Location"]) == (302, f"{prefix}/admin/")
    sessions = {name for name in client.cookies if name.endswith("sessionid")}
    assert sessions == {"sessionid", f"{acme.schema}.sessionid", f"{globex.schema}.sessionid"}
    for prefix, name in places.items():
        page = client.get(f"{prefix}/admin/")
        assert page.status_code == 200
        assert page.context["user"].get_username() == name
    del client.cookies[f"{acme.schema}.sessionid"]
    assert client.get("/t/acme/admin/").status_code == 302, "another's session opens nothing"


# --- Off by default


def test_by_default_a_path_is_only_a_path(acme: TenantInfo) -> None:
    with override_settings(TENANTS=TENANTS):
        assert Client(HTTP_HOST="localhost").get("/t/acme/").status_code == 404


def test_at_its_own_host_a_tenants_cookies_keep_their_names(acme: TenantInfo) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        response = HttpResponse(request.META["SCRIPT_NAME"])
        response.set_cookie("seen", "1")
        return response

    response: Any = TenantMiddleware(view)(RequestFactory().get("/", headers={"host": "acme.localhost"}))
    assert response.text == ""
    assert list(response.cookies) == ["seen"]


# --- Addresses


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("following", [{}, {"next": "/"}, {"next": "/t/acme/"}])
def test_choice_of_language_leads_back_to_shop(acme: TenantInfo, method: str, following: dict[str, str]) -> None:
    """Fault 61: Django's view leads to the root of the host, and that is the platform's."""
    answered = getattr(Client(HTTP_HOST="localhost"), method)("/t/acme/i18n/setlang/", {"language": "ko", **following})
    assert (answered.status_code, answered["Location"]) == (302, "/t/acme/")


@pytest.mark.parametrize(
    ("address", "inside"),
    [
        ("/", "/t/acme/"),
        ("/cart/?a=/", "/t/acme/cart/?a=/"),
        ("/t/acme", "/t/acme"),
        ("/t/acme?a=b", "/t/acme?a=b"),
        ("/t/acme/cart/", "/t/acme/cart/"),
        ("/t/acmeville/", "/t/acme/t/acmeville/"),
        ("//elsewhere.example/", "//elsewhere.example/"),
        ("/\\elsewhere.example/", "/\\elsewhere.example/"),
        ("https://elsewhere.example/", "https://elsewhere.example/"),
        ("cart/", "cart/"),
    ],
)
def test_redirect_to_root_of_host_leads_to_that_of_tenant(acme: TenantInfo, address: str, inside: str) -> None:
    """Fault 61: code that knows no prefix means its own root."""
    assert answer(lambda request: HttpResponse(status=302, headers={"Location": address}), "/t/acme/x/")[
        "Location"
    ] == (inside)


@pytest.mark.parametrize("name", ["oauth-authorization-server", "openid-configuration"])
def test_well_known_address_of_issuer_below_path_describes_it(acme: TenantInfo, globex: TenantInfo, name: str) -> None:
    """Fault 61: RFC 8414 §3.1 puts the issuer's path behind the well-known name, OpenID Connect before it."""
    client = Client(HTTP_HOST="localhost")
    for slug in ("acme", "globex"):
        inserted = client.get(f"/.well-known/{name}/t/{slug}").json()
        assert inserted["issuer"] == f"http://localhost:8000/t/{slug}"
        assert inserted["token_endpoint"] == f"http://localhost:8000/t/{slug}/oauth/token"
        assert inserted == client.get(f"/t/{slug}/.well-known/{name}").json()


@pytest.mark.parametrize(
    "path",
    [
        "/.well-known/oauth-authorization-server", "/.well-known/oauth-authorization-server/t/nobody",
        "/.well-known/oauth-authorization-server/x/acme", "/.well-known/oauth-authorization-server/t/acme/more",
        "/.well-known/nonsense/t/acme", "/.well-known/oauth-authorization-server/t/",
    ],
)  # fmt: skip
def test_well_known_address_of_no_issuer_is_404(acme: TenantInfo, path: str) -> None:
    assert Client(HTTP_HOST="localhost").get(path).status_code == 404


def test_cookie_in_a_separate_header_is_scoped_too(acme: TenantInfo) -> None:
    """Fault 57: what a view writes as a header is not the platform's cookie; fault 60: nor one for all hosts."""

    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse(headers={"Set-Cookie": request.GET["cookie"]})

    renamed = answer(view, "/t/acme/?cookie=sessionid%3Dmine%3B+HttpOnly%3B+path%3D%2F")
    assert renamed["Set-Cookie"] == f"{acme.schema}.sessionid=mine; HttpOnly; Path=/t/acme"
    assert "Set-Cookie" not in answer(view, "/t/acme/?cookie=a%3Db%3B+domain%3Dlocalhost").headers
