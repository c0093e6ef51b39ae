"""Response headers that a mounted application may send under its shop's host, and its allowed paths."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from django.conf import settings
from django.core.exceptions import ValidationError
from django.test import Client, override_settings

from tenants import PLATFORM, TenantInfo, use_tenant
from tenants.contrib.mounts.models import Mount
from tenants.contrib.mounts.request import MountedResponse
from tenants.isolation.urlconfs import project_segments
from tests.tenants.contrib.mounts import applications
from tests.tenants.contrib.mounts.conftest import MOUNTS, TENANTS, Mounting, at, text_of

says: list[tuple[str, str]] = []


def saying(tenant: TenantInfo) -> Callable[..., Iterable[bytes]]:
    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        start_response("200 OK", list(says))
        return [b"said"]

    return application


@pytest.fixture(autouse=True)
def _saying(_factories: None) -> Any:
    mounts = {**MOUNTS, "saying": f"{__name__}.saying"}
    with override_settings(TENANTS={**TENANTS, "PATH_PREFIX": "t", "MOUNTS": mounts}):
        says.clear()
        yield


def cookies_of(response: Any) -> list[str]:
    """Return all Set-Cookie headers as Django's handlers send them."""
    own = [value for name, value in response.items() if name == "Set-Cookie"]
    return [*own, *(morsel.OutputString() for morsel in response.cookies.values())]


# --- Headers


@pytest.mark.parametrize(
    "name",
    ["Service-Worker-Allowed", "Clear-Site-Data", "Strict-Transport-Security", "ALT-SVC", "NEL", "X-Accel-Redirect"],
)
def test_mount_header_for_whole_host_is_dropped(acme: TenantInfo, mount: Mounting, name: str) -> None:
    """Fault 30: an application in a mount speaks for its path, as a service of another code base does."""
    mount(acme, "saying")
    says.extend([(name, "/"), ("X-Own", "kept"), ("Access-Control-Allow-Origin", "https://its-client.example")])
    response = at(acme).get("/backend/")
    assert name not in response.headers
    assert (response["X-Own"], response["Access-Control-Allow-Origin"]) == ("kept", "https://its-client.example")


def test_service_worker_at_root_of_mount_is_refused(acme: TenantInfo, mount: Mounting) -> None:
    """Fault 30: a script at /backend would have the whole host as its scope; one below it has the mount's."""
    mount(acme, "saying")
    script = {"Service-Worker": "script"}
    assert at(acme).get("/backend", headers=script).status_code == 403
    assert at(acme).get("/backend/sw.js", headers=script).status_code == 200
    assert at(acme).get("/backend").status_code == 200


# --- Cookies


@pytest.mark.parametrize(
    "cookie",
    [
        "a=b; Domain=localhost", "a=b; domain=.localhost", "a=b; DOMAIN=", "a=b;Path=/;domain = localhost",
        "a=b; domain", "no equals sign", "=nameless", "a=b\x00", f"{settings.SESSION_COOKIE_NAME}=stolen",
        f"{settings.CSRF_COOKIE_NAME}=known; Path=/", "sangga_bypass=x", "__Host-operator=1; Secure; Path=/",
    ],
)  # fmt: skip
@pytest.mark.parametrize("prefix", ["", "/t/acme"])
def test_mount_cookie_for_other_hosts_or_of_shop_is_refused(
    acme: TenantInfo, mount: Mounting, cookie: str, prefix: str
) -> None:
    """Fault 57, fault 60: no cookie for all hosts below a domain, and no session cookie of the shop."""
    mount(acme, "saying")
    says.extend([("Set-Cookie", cookie), ("Set-Cookie", "good=1"), ("set-cookie", cookie)])
    response = Client(HTTP_HOST="localhost" if prefix else acme.host).get(f"{prefix}/backend/")
    assert cookies_of(response) == (["t_1.good=1; Path=/t/acme"] if prefix else ["good=1"])


def test_mount_second_cookie_of_name_is_its_tenants_too(acme: TenantInfo, mount: Mounting) -> None:
    """Fault 57: below a path prefix the second one passed raw, as a cookie of the platform."""
    mount(acme, "saying")
    says.extend(
        [
            ("Set-Cookie", "a=1; Path=/"), ("Set-Cookie", "a=2; Path=/backend"), ("Set-Cookie", 'odd={"x":1}; Path=/'),
            ("Set-Cookie", "b=1"), ("Set-Cookie", "b=2; HttpOnly"), ("Set-Cookie", "a=3; Path=/t/acme/backend"),
        ]
    )  # fmt: skip
    assert sorted(cookies_of(at(acme).get("/backend/"))) == [
        "a=1; Path=/", "a=2; Path=/backend", "a=3; Path=/t/acme/backend", "b=2; HttpOnly", 'odd={"x":1}; Path=/',
    ]  # fmt: skip
    assert sorted(cookies_of(Client(HTTP_HOST="localhost").get("/t/acme/backend/"))) == [
        "t_1.a=1; Path=/t/acme", "t_1.a=2; Path=/t/acme/backend", "t_1.a=3; Path=/t/acme/backend",
        "t_1.b=2; HttpOnly; Path=/t/acme", 't_1.odd={"x":1}; Path=/t/acme',
    ]  # fmt: skip


def test_second_django_site_sets_cookie_of_its_forms(acme: TenantInfo, mount: Mounting) -> None:
    """An application of the project's own is no foreign one."""
    response = MountedResponse(200, "", [("Set-Cookie", f"{settings.CSRF_COOKIE_NAME}=x")], [], is_of_project=True)
    assert list(response.cookies) == [settings.CSRF_COOKIE_NAME]


def test_redirect_of_mount_to_root_stays_inside_prefix(acme: TenantInfo, mount: Mounting) -> None:
    """Fault 61: an application that knows of no prefix leads to the shop, and not to the platform."""
    mount(acme, "saying")
    says.append(("Location", "/backend/next?a=b"))
    assert Client(HTTP_HOST="localhost").get("/t/acme/backend/")["Location"] == "/t/acme/backend/next?a=b"
    assert at(acme).get("/backend/")["Location"] == "/backend/next?a=b"


# --- Paths

OURS = ["admin", "oauth", "static", "media", "api", "account", "i18n", "operator", "cart", "t", ".well-known"]


@pytest.mark.parametrize("first", OURS)
def test_first_parts_of_projects_own_paths_are_known(first: str) -> None:
    """Fault 57: told from the URLconf of tenants and the settings, and from no list."""
    assert first in project_segments()


def test_first_parts_follow_the_urlconf() -> None:
    """Fault 57: with another URLconf, other paths are taken."""
    with override_settings(
        TENANTS={**TENANTS, "TENANT_URLCONF": "tests.isolation.urls"}, STATIC_URL="https://cdn.example/files/"
    ):
        assert "admin" not in project_segments()
        assert "place" in project_segments()
        assert "static" not in project_segments()
    assert "admin" in project_segments()
    assert "backend" not in project_segments()


@pytest.mark.parametrize("path", ["admin", "oauth", "static", "media", "api", "account", "admin/tools", "api/v3"])
def test_mount_where_project_has_pages_is_refused(acme: TenantInfo, path: str) -> None:
    """Fault 57: it would stand before the shop's own admin, API or files."""
    with use_tenant(PLATFORM), pytest.raises(ValidationError, match="already uses"):
        Mount(tenant_id=acme.id, app="flask_app", path=path).full_clean()
    with use_tenant(PLATFORM):
        Mount(tenant_id=acme.id, app="flask_app", path=f"my-{path}").full_clean()


@pytest.mark.parametrize("path", ["admin", "api", "api/v1", "oauth"])
def test_mount_where_project_has_pages_shadows_none(acme: TenantInfo, mount: Mounting, path: str) -> None:
    """Fault 57: a mount that an older version or code has created does not hide the shop's own pages."""
    mount(acme, "flask_app", path)
    assert at(acme).get("/api/v1/goods").status_code == 200
    assert "csrfmiddlewaretoken" in at(acme).get("/admin/login/").text
    assert at(acme).get("/oauth/jwks.json").status_code == 200
    assert not applications.built
    mount(acme, "flask_app", "office")
    assert text_of(at(acme).get("/office/")) == "front"
