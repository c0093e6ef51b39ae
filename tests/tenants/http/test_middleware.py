"""TenantMiddleware: the right tenant during the request, the right page without one, and none active afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.db import connection
from django.http import FileResponse, HttpRequest, HttpResponse
from django.test import Client, RequestFactory, override_settings
from django.test.utils import CaptureQueriesContext
from django.urls import get_urlconf, reverse, set_urlconf
from django.utils import timezone

from tenants import PLATFORM, TenantInfo, active_tenant, current_tenant, use_tenant
from tenants.http.maintenance_bypass import PARAMETER
from tenants.http.middleware import TenantMiddleware
from tenants.lifecycle import suspend_tenant
from tenants.models import Domain, Tenant
from tenants.registry.listener import listener
from tenants.registry.lookup import registry
from tests.isolation import urls
from tests.settings import TENANTS

LONG = ("a" * 60 + ".") * 5 + "localhost"


@pytest.fixture(autouse=True)
def _marked_site() -> Iterator[None]:
    """Tenants have views that print the tenant; none is active before and after."""
    with override_settings(
        TENANTS={**TENANTS, "TENANT_URLCONF": "tests.isolation.urls"}, MIDDLEWARE=urls.MIDDLEWARE[:1]
    ):
        assert active_tenant() is None
        yield
        assert active_tenant() is None


def get(host: str, path: str = "/plain/", **more: Any) -> Any:
    return Client(HTTP_HOST=host).get(path, **more)


@pytest.mark.parametrize(
    "host",
    [
        "acme.localhost",
        "ACME.LocalHost",
        "acme.localhost.",
        "acme.localhost:8000",
        "Acme.localhost.:8000",
    ],
)
def test_a_host_in_any_spelling_is_its_tenants(acme: TenantInfo, host: str) -> None:
    assert get(host).text.split("|")[:2] == ["acme", acme.schema]


@pytest.mark.parametrize(
    "host",
    [
        "nobody.localhost", "www.localhost", "admin.localhost", "a.acme.localhost", "acme.example", "acme",
        "", " ", ".", "user@acme.localhost", "user:pass@acme.localhost", "acme_1.localhost", "-acme.localhost",
        "acme.localhost:x", "acme.localhost/plain", "acme.localhost, globex.localhost", "acme.localhost,acme.localhost",
        "acme.localhost globex.localhost", "[::1", "::1", "[::2]", "[::1%eth0]", "상가.localhost", "xn--a.localhost",
        LONG, "a" * 5000 + ".localhost", "acme.localhost\tx", "acme'.localhost", "%61cme.localhost", "127.0.0.2", "*",
    ],
)  # fmt: skip
def test_unknown_host_gets_the_404_page(acme: TenantInfo, host: str) -> None:
    response = get(host)
    assert response.status_code == 404
    assert b"<html" in response.content
    assert "acme" not in response.text.replace(host, "")
    assert not response.cookies


def test_what_a_proxy_claims_in_other_headers_is_not_believed(acme: TenantInfo, globex: TenantInfo) -> None:
    claims = {
        "X-Forwarded-Host": "globex.localhost", "X-Host": "globex.localhost", "Forwarded": "host=globex.localhost",
        "X-Tenant": "globex", "X-Original-Host": "globex.localhost", "Origin": "http://globex.localhost",
    }  # fmt: skip
    assert get("acme.localhost", headers=claims).text.startswith("acme|")
    assert get("nobody.localhost", headers=claims).status_code == 404


def test_a_warm_host_asks_the_control_plane_nothing_known_or_unknown(acme: TenantInfo) -> None:
    listener.start()
    assert listener.listening.wait(180)  # then it forgets everything once more
    for host, cold in (("acme.localhost", True), ("nobody.localhost", True), ("www.localhost", False)):
        registry.clear()
        for warm in (False, True):
            with CaptureQueriesContext(connection) as captured:
                get(host)
            asked = any("tenants_tenant" in query["sql"] for query in captured)
            assert asked == (cold and not warm)


# --- Inside


def inside(request: HttpRequest) -> HttpResponse:
    place = [current_tenant().slug, request.tenant.slug, timezone.get_current_timezone_name(), str(get_urlconf())]  # type: ignore[attr-defined]
    return HttpResponse("|".join(place))


def test_everything_inside_is_the_tenants_from_the_first_middleware_on(acme: TenantInfo, rf: RequestFactory) -> None:
    set_urlconf(None)
    before = timezone.get_current_timezone_name()
    response = TenantMiddleware(inside)(rf.get("/", headers={"host": "acme.localhost"}))
    assert response.text == "acme|acme|Asia/Seoul|tests.isolation.urls"  # type: ignore[union-attr]
    assert timezone.get_current_timezone_name() == before
    assert get_urlconf() is None


def test_the_platform_keeps_its_urls(db: None, rf: RequestFactory) -> None:
    response = TenantMiddleware(inside)(rf.get("/", headers={"host": "localhost"}))
    assert response.text.startswith("||")  # type: ignore[union-attr]
    assert "tests.isolation" not in response.text  # type: ignore[union-attr]


@pytest.mark.parametrize("error", [ValueError, SystemExit, KeyboardInterrupt, GeneratorExit])
def test_no_tenant_is_active_after_an_error(acme: TenantInfo, rf: RequestFactory, error: type[BaseException]) -> None:
    set_urlconf(None)  # Django leaves there what the last request had

    def fail(request: HttpRequest) -> HttpResponse:
        assert current_tenant().slug == "acme"
        raise error

    with pytest.raises(error):
        TenantMiddleware(fail)(rf.get("/", headers={"host": "acme.localhost"}))
    assert active_tenant() is None
    assert get_urlconf() is None


def test_a_platform_page_does_not_exist_at_a_tenant_and_the_other_way_round(acme: TenantInfo) -> None:
    with override_settings(ROOT_URLCONF="tests.isolation.empty_urls"):
        assert get("acme.localhost").status_code == 200
        assert get("localhost").status_code == 404
    with override_settings(TENANTS={**TENANTS, "TENANT_URLCONF": "tests.isolation.empty_urls"}):
        assert get("acme.localhost").status_code == 404
        assert get("acme.localhost", "/admin/").status_code == 404


def test_an_error_before_a_url_is_resolved_gets_the_tenants_own_error_page(acme: TenantInfo) -> None:
    with override_settings(MIDDLEWARE=urls.MIDDLEWARE):
        client = Client(HTTP_HOST="acme.localhost", raise_request_exception=False)
        response = client.get("/plain/?fault=before")
    assert response.status_code == 500
    assert response.text.startswith("acme|")


def test_reverse_in_another_middleware_finds_the_tenants_urls(acme: TenantInfo, rf: RequestFactory) -> None:
    response = TenantMiddleware(lambda request: HttpResponse(reverse("place")))(
        rf.get("/", headers={"host": "acme.localhost"})
    )
    assert response.text == "/place/"  # type: ignore[union-attr]


def test_an_opened_file_is_left_to_the_server(acme: TenantInfo, rf: RequestFactory, tmp_path: Any) -> None:
    """A WSGI server may send it by `wsgi.file_wrapper`, but only if no middleware has wrapped the body."""
    (tmp_path / "x.txt").write_bytes(b"hello")
    response = TenantMiddleware(lambda request: FileResponse((tmp_path / "x.txt").open("rb")))(
        rf.get("/", headers={"host": "acme.localhost"})
    )
    assert response.file_to_stream is not None  # type: ignore[union-attr]
    assert b"".join(response) == b"hello"  # type: ignore[arg-type]
    response.close()  # type: ignore[union-attr]


# --- Suspended


def test_a_suspended_tenant_gets_the_503_page_at_every_address(acme: TenantInfo) -> None:
    with use_tenant(PLATFORM):
        Domain.objects.create(tenant_id=acme.id, host="alias.example")
    suspend_tenant("acme", notice="Back <soon>")
    registry.clear()
    for host in ("acme.localhost", "alias.example"):
        response = get(host)
        assert response.status_code == 503
        assert int(response["Retry-After"]) > 0
        assert "Back &lt;soon&gt;" in response.text
        assert response["Cache-Control"] == "no-store"


def test_a_shop_whose_variant_this_code_lacks_is_503(acme: TenantInfo, globex: TenantInfo) -> None:
    with use_tenant(PLATFORM):
        Tenant.objects.filter(pk=acme.id).update(variant="of_newer_code")
    registry.clear()
    assert get(acme.host).status_code == 503
    assert get(globex.host).status_code == 200


@pytest.mark.parametrize("value", ["", "x", "None", "\0", "é"])
def test_a_wrong_bypass_opens_nothing(acme: TenantInfo, value: str) -> None:
    suspend_tenant("acme")
    registry.clear()
    client = Client(HTTP_HOST="acme.localhost")
    client.cookies["sangga_bypass"] = value.replace("\0", "")
    assert client.get("/plain/", {PARAMETER: value}).status_code == 503


def test_a_bypass_link_leads_to_no_other_host(acme: TenantInfo) -> None:
    tenant = suspend_tenant("acme")
    registry.clear()
    response = get("acme.localhost", query_params={PARAMETER: tenant.bypass}, PATH_INFO="//elsewhere.example/")
    assert response.status_code == 302
    assert response["Location"] == "/%2Felsewhere.example/"


def test_one_tenants_bypass_opens_no_other(acme: TenantInfo, globex: TenantInfo) -> None:
    tenant = suspend_tenant("acme")
    suspend_tenant("globex")
    registry.clear()
    assert get("globex.localhost", query_params={PARAMETER: tenant.bypass}).status_code == 503
    assert get("acme.localhost", query_params={PARAMETER: tenant.bypass}).status_code == 302


# --- Moved


@pytest.mark.parametrize("method", ["get", "post", "put", "delete", "head"])
def test_an_alias_leads_to_the_primary_host_with_path_query_and_method(acme: TenantInfo, method: str) -> None:
    with use_tenant(PLATFORM):
        Domain.objects.create(tenant_id=acme.id, host="acme.example", is_primary=True)
        Domain.objects.create(tenant_id=acme.id, host="alias.example")
    registry.clear()
    for host in ("alias.example", "ACME.localhost.:8000"):
        response = getattr(Client(HTTP_HOST=host), method)("/go%C3%B6ds/a%20b/?q=1&q=%26&next=//evil.example")
        assert response.status_code == 308
        assert response["Location"] == "http://acme.example:8000/go%C3%B6ds/a%20b/?q=1&q=%26&next=//evil.example"
        assert response["Cache-Control"] == "no-store"


def test_no_path_leads_an_alias_to_another_host(acme: TenantInfo) -> None:
    with use_tenant(PLATFORM):
        Domain.objects.create(tenant_id=acme.id, host="acme.example", is_primary=True)
    registry.clear()
    for path in ("//evil.example/", "/\\evil.example", "/@evil.example", "/\r\nX-Evil:1", "@evil.example"):
        location = get("acme.localhost", PATH_INFO=path)["Location"]
        assert location.startswith("http://acme.example:8000/")
        assert "\r" not in location


def test_request_with_two_hosts_is_refused(acme: TenantInfo, globex: TenantInfo) -> None:
    """A WSGI server that lets them through joins them by a comma."""
    statuses: list[str] = []
    environ = RequestFactory().get("/plain/").environ | {"HTTP_HOST": "acme.localhost,globex.localhost"}
    body: Callable[[], Any] = WSGIHandler()(environ, lambda status, headers: statuses.append(status))  # type: ignore[assignment]
    body.close()  # type: ignore[attr-defined]
    assert statuses == ["404 Not Found"]


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/", 200), ("http://acme.localhost/", 200), ("http://ACME.localhost:80/", 200),
        ("http://globex.localhost/", 404), ("http://acme.localhost@globex.localhost/", 404), ("http:///", 404),
        ("http://[", 404), ("globex.localhost:80", 404), ("//globex.localhost/", 200),
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["RAW_URI", "REQUEST_URI"])
def test_address_in_request_line_that_differs_from_host_is_404(
    acme: TenantInfo, globex: TenantInfo, name: str, target: str, status: int
) -> None:
    """Fault 33: the address goes before the header, and where the server tells both, they have to name one host."""
    for _ in range(2):  # a warm host as well
        assert Client(HTTP_HOST="acme.localhost").get("/place/", **{name: target}).status_code == status
