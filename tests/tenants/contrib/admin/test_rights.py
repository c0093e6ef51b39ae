"""Permissions in the operator's admin, and its absence from shops' hosts."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from tenants.context import TenantInfo, use_tenant
from tenants.contrib.admin.site import platform_site
from tenants.models import Tenant

Browser = Callable[..., Client]


def url(tenant: TenantInfo, name: str) -> str:
    return f"/admin/tenants/tenant/{tenant.id}/{name}/"


@pytest.mark.parametrize(
    "path", ["tenants/tenant/", "tenants/tenant/add/", "tenants/domain/", "tenants/domain/add/", "auth/user/"]
)
def test_an_operator_without_rights_gets_403(browser_of: Browser, path: str) -> None:
    answer = browser_of().get(f"/admin/{path}")
    assert answer.status_code == 403
    assert "Your account has no permission for this page." in answer.content.decode()


@pytest.mark.parametrize(
    "name", ["suspend", "rename", "resume", "sign_out", "clear_cache", "migrate", "delete", "undelete"]
)
def test_who_may_only_look_can_do_nothing(browser_of: Browser, acme: TenantInfo, name: str) -> None:
    browser = browser_of("view_tenant", "view_domain")
    assert browser.get(url(acme, "change")).status_code == 200
    assert browser.post(url(acme, name), {"slug": "acme"}).status_code == 403
    assert Tenant.objects.get(slug="acme").status == "active"


def test_who_may_only_look_can_neither_open_nor_save(browser_of: Browser, acme: TenantInfo) -> None:
    browser = browser_of("view_tenant")
    assert browser.post("/admin/tenants/tenant/add/", {"slug": "hooli"}).status_code == 403
    assert browser.post(url(acme, "change"), {"name": "Evil"}).status_code == 403
    assert Tenant.objects.get(slug="acme").name == "Acme"


def test_who_may_only_look_is_offered_no_buttons(browser_of: Browser, acme: TenantInfo) -> None:
    browser = browser_of("view_tenant")
    pages = [browser.get(path).content.decode() for path in (url(acme, "change"), "/admin/tenants/tenant/", "/admin/")]
    for target in ("/suspend/", "/rename/", "/check/", "/migrate/", "/delete/", "/add/", "suspend_selected"):
        assert not any(target in page for page in pages), target


def test_who_may_only_look_cannot_suspend_from_the_list(browser_of: Browser, acme: TenantInfo) -> None:
    browser_of("view_tenant").post(
        "/admin/tenants/tenant/", {"action": "suspend_selected", "_selected_action": [acme.id]}
    )
    assert Tenant.objects.get(slug="acme").status == "active"


def test_who_may_change_can_suspend_but_not_delete(browser_of: Browser, acme: TenantInfo) -> None:
    browser = browser_of("view_tenant", "change_tenant")
    assert browser.post(url(acme, "suspend")).status_code == 302
    assert Tenant.objects.get(slug="acme").status == "suspended"
    assert browser.post(url(acme, "delete"), {"slug": "acme"}).status_code == 403


def test_who_may_change_tenants_alone_cannot_change_their_domains(browser_of: Browser, acme: TenantInfo) -> None:
    page = browser_of("view_tenant", "change_tenant").get(url(acme, "change")).content.decode()
    assert "domains-TOTAL_FORMS" not in page


@pytest.mark.parametrize(
    ("asked", "reached"), [("", "/admin/"), ("?next=/admin/tenants/domain/", "/admin/tenants/domain/")]
)
def test_signing_in_leads_where_one_wanted_to_go(operator: User, asked: str, reached: str) -> None:
    browser = Client(HTTP_HOST="localhost")
    page = browser.get(f"/admin/login/{asked}").content.decode()
    action = unescape(re.search(r'<form action="([^"]+)"', page)[1])  # type: ignore[index]
    answer = browser.post(action, {"username": "mia", "password": "correct horse"})
    assert answer["Location"] == reached


def test_signing_in_leads_to_no_other_site(operator: User) -> None:
    browser = Client(HTTP_HOST="localhost")
    answer = browser.post("/admin/login/?next=//evil.example/", {"username": "mia", "password": "correct horse"})
    assert "evil" not in answer["Location"]


def test_shops_user_is_anonymous_on_the_platform(office: None, acme: TenantInfo) -> None:
    with use_tenant(acme):
        User.objects.create_superuser("mallory", "mallory@acme.example", "correct horse")
        client = Client(HTTP_HOST=acme.host)
        client.force_login(User.objects.get(username="mallory"))
    cookie = client.cookies["sessionid"].value
    stranger = Client(HTTP_HOST="localhost")
    stranger.cookies["sessionid"] = cookie
    assert stranger.get("/admin/tenants/tenant/").status_code == 302
    assert not stranger.login(request=HttpRequest(), username="mallory", password="correct horse")


def platform_paths() -> list[str]:
    """Return the path of every page that the operator's admin has for a model of the control plane."""
    paths = []
    for model in platform_site._registry:
        if model._meta.app_label.startswith("tenants"):
            base = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
            paths += [base, f"{base}add/", *(f"{base}1/{page}/" for page in ("change", "delete", "history", "suspend"))]
    return paths


def test_a_shops_host_has_no_page_of_the_control_plane(office: None, acme: TenantInfo) -> None:
    with use_tenant(acme):
        owner = User.objects.get()
        client = Client(HTTP_HOST=acme.host)
        client.force_login(owner)
    paths = platform_paths()
    assert len(paths) > 10
    for path in ["/admin/tenants/", *paths]:
        assert client.get(path).status_code == 404, path
        assert client.post(path).status_code == 404, path


def test_a_shops_admin_names_no_url_of_the_control_plane(office: None) -> None:
    names = set(_names(get_resolver("config.urls_tenant")))
    assert "goods_goods_changelist" in names
    assert not {name for name in names if name.startswith("tenants_")}


def _names(resolver: URLResolver) -> Any:
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLResolver):
            yield from _names(pattern)
        elif isinstance(pattern, URLPattern) and pattern.name:
            yield pattern.name
