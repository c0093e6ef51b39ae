"""An operator logs in to a shop by a one-time link, for a limited time, without lasting access."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.contrib.sessions.models import Session
from django.core import signing
from django.test import Client
from django.utils import timezone

from shop.goods.models import Category
from tenants import PLATFORM, TenantInfo, use_tenant
from tenants.contrib.impersonation.errors import TenantClosed
from tenants.contrib.impersonation.links import make_login_link, use_login_link
from tenants.contrib.impersonation.models import OperatorLogin
from tenants.lifecycle import resume_tenant, sign_out_tenant, suspend_tenant
from tenants.models import AuditEvent, Tenant
from tenants.registry.lookup import registry, tenant_by_slug

ENTER = re.compile(r'href="(http://[^"]+/operator/enter/[^"]+)"')


@pytest.fixture
def operator(acme: TenantInfo) -> User:
    with use_tenant(PLATFORM):
        return User.objects.create_superuser("kim", "kim@platform.example")


@pytest.fixture
def office(operator: User) -> Client:
    client = Client(HTTP_HOST="localhost")
    with use_tenant(PLATFORM):
        client.force_login(operator)
    return client


def link_from(office: Client, tenant: TenantInfo) -> str:
    page = office.post(f"/admin/tenants/tenant/{tenant.id}/enter/")
    assert page.status_code == 200
    found = ENTER.search(page.content.decode())
    assert found is not None
    return unescape(found[1])


def follow(link: str, tenant: TenantInfo, client: Client | None = None) -> tuple[Client, Any]:
    host, path = re.fullmatch(r"http://([^/:]+)(?::\d+)?(/.*)", link).groups()  # type: ignore[union-attr]
    assert host == tenant.host
    client = client or Client(HTTP_HOST=host)
    return client, client.get(path)


@pytest.fixture
def visit(office: Client, acme: TenantInfo) -> Client:
    client, response = follow(link_from(office, acme), acme)
    assert response["Location"] == "/admin/"
    return client


def audited(*actions: str) -> list[tuple[str, str, str]]:
    with use_tenant(PLATFORM):
        events = AuditEvent.objects.filter(action__in=actions).order_by("id")
        return list(events.values_list("action", "slug", "actor"))


# --- The link


def test_it_works_once(office: Client, acme: TenantInfo) -> None:
    link = link_from(office, acme)
    client, response = follow(link, acme)
    assert response["Location"] == "/admin/"
    assert response["Referrer-Policy"] == "no-referrer"
    assert "no-store" in response["Cache-Control"]
    assert client.get("/admin/").status_code == 200
    stranger, response = follow(link, acme)
    assert response.status_code == 403
    assert stranger.get("/admin/").status_code == 302


def test_it_works_for_a_minute(office: Client, acme: TenantInfo) -> None:
    link = link_from(office, acme)
    with use_tenant(PLATFORM):
        OperatorLogin.objects.update(made_at=timezone.now() - timedelta(seconds=61))
    assert follow(link, acme)[1].status_code == 403


def test_its_signature_ends_with_the_minute_as_well(
    office: Client, acme: TenantInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = link_from(office, acme)
    now = signing.time.time()  # type: ignore[attr-defined]
    monkeypatch.setattr(signing.time, "time", lambda: now + 61)  # type: ignore[attr-defined]
    assert follow(link, acme)[1].status_code == 403


def test_it_is_void_at_another_shop_and_not_used_up_there(office: Client, acme: TenantInfo, globex: TenantInfo) -> None:
    link = link_from(office, acme)
    other = link.replace(acme.host, globex.host)
    assert follow(other, globex)[1].status_code == 403
    assert follow(link, acme)[1].status_code == 302


def test_it_is_void_after_a_new_epoch(office: Client, acme: TenantInfo) -> None:
    link = link_from(office, acme)
    sign_out_tenant("acme")
    registry.clear()
    assert follow(link, acme)[1].status_code == 403


def test_it_is_void_while_the_shop_is_suspended_and_none_is_made(office: Client, acme: TenantInfo) -> None:
    link = link_from(office, acme)
    suspend_tenant("acme")
    registry.clear()
    assert follow(link, acme)[1].status_code == 503
    with pytest.raises(TenantClosed):
        make_login_link(tenant_by_slug("acme"), 1, "kim")
    page = office.post(f"/admin/tenants/tenant/{acme.id}/enter/", follow=True)
    assert "is not active" in unescape(page.content.decode())


@pytest.mark.parametrize("token", ["x", "x:y", "x:y:z", "a" * 2000, "%00", "é"])
def test_what_is_no_link_is_refused(acme: TenantInfo, token: str) -> None:
    assert Client(HTTP_HOST=acme.host).get(f"/operator/enter/{token}/").status_code == 403


def test_its_secret_is_in_no_table_and_in_no_log(office: Client, acme: TenantInfo) -> None:
    secret = link_from(office, acme).split("/")[-2].split(":")[0]
    with use_tenant(PLATFORM):
        assert secret not in repr([*OperatorLogin.objects.values(), *AuditEvent.objects.values()])


def test_looking_at_it_does_not_use_it_up(office: Client, acme: TenantInfo) -> None:
    link = link_from(office, acme)
    path = link.partition(acme.host)[2].lstrip(":0123456789")
    assert Client(HTTP_HOST=acme.host).head(path).status_code == 403
    assert Client(HTTP_HOST=acme.host).post(path).status_code == 405
    assert follow(link, acme)[1].status_code == 302


# --- Who may make one


def test_only_operators_with_the_right_make_one(acme: TenantInfo) -> None:
    with use_tenant(PLATFORM):
        helper = User.objects.create_user("helper", is_staff=True)
        helper.user_permissions.set(Permission.objects.filter(codename__in=["view_tenant", "change_tenant"]))
    client = Client(HTTP_HOST="localhost")
    with use_tenant(PLATFORM):
        client.force_login(helper)
    address = f"/admin/tenants/tenant/{acme.id}/enter/"
    assert client.post(address).status_code == 403
    assert "Log in as operator" not in client.get(f"/admin/tenants/tenant/{acme.id}/change/").content.decode()
    with use_tenant(PLATFORM):
        helper.user_permissions.add(Permission.objects.get(codename="enter_tenant"))
    assert client.post(address).status_code == 200
    assert client.get(address).status_code == 405
    assert Client(HTTP_HOST="localhost").post(address).status_code == 302


def test_no_other_sites_form_makes_one(operator: User, acme: TenantInfo) -> None:
    client = Client(HTTP_HOST="localhost", enforce_csrf_checks=True)
    with use_tenant(PLATFORM):
        client.force_login(operator)
    assert client.post(f"/admin/tenants/tenant/{acme.id}/enter/").status_code == 403


# --- Inside


def test_both_sides_have_it_written_down(visit: Client, acme: TenantInfo) -> None:
    visit.post("/operator/leave/")
    expected = ["enter_link", "enter", "leave"]
    assert audited(*expected) == [(action, "acme", "operator kim") for action in expected]
    with use_tenant(acme):
        notes = LogEntry.objects.filter(user__first_name="Operator", user__last_name="kim").order_by("id")
        assert [note.change_message for note in notes] == ["Logged in as operator.", "Logged out."]


@pytest.mark.parametrize("page", ["/", "/cart/", "/admin/", "/admin/goods/goods/", "/admin/orders/order/"])
def test_a_banner_says_so_on_every_page(visit: Client, acme: TenantInfo, page: str) -> None:
    text = visit.get(page).content.decode()
    assert "Operator kim" in text
    assert 'action="/operator/leave/"' in text
    assert "Operator kim" not in Client(HTTP_HOST=acme.host).get("/").content.decode()


def test_it_is_easy_to_leave(visit: Client, acme: TenantInfo) -> None:
    left = visit.post("/operator/leave/")
    assert left.status_code == 200
    assert f'href="http://localhost:8000/admin/tenants/tenant/{acme.id}/change/"' in left.content.decode()
    assert visit.get("/admin/").status_code == 302
    assert "Operator kim" not in visit.get("/").content.decode()
    assert Client(HTTP_HOST=acme.host).get("/operator/leave/").status_code == 405


def test_the_admins_own_button_leaves_as_well(visit: Client) -> None:
    visit.post("/admin/logout/")
    assert audited("leave") == [("leave", "acme", "operator kim")]


def test_an_hour_later_it_is_over(visit: Client, acme: TenantInfo) -> None:
    key = visit.cookies[settings.SESSION_COOKIE_NAME].value
    with use_tenant(acme):
        row = Session.objects.get(pk=key)
        assert timedelta(minutes=58) < row.expire_date - timezone.now() < timedelta(minutes=61)
        Session.objects.filter(pk=key).update(expire_date=timezone.now())
    assert visit.get("/admin/").status_code == 302


def test_working_does_not_make_it_longer(visit: Client, acme: TenantInfo) -> None:
    key = visit.cookies[settings.SESSION_COOKIE_NAME].value
    with use_tenant(acme):
        before = Session.objects.get(pk=key).expire_date
    visit.post("/admin/goods/category/add/", {"name": "Mugs", "slug": "mugs", "position": 0})
    with use_tenant(acme):
        assert Category.objects.filter(slug="mugs").exists()
        assert abs(Session.objects.get(pk=key).expire_date - before) < timedelta(seconds=2)


def test_it_ends_with_the_epoch_and_stands_before_a_closed_door(visit: Client, acme: TenantInfo) -> None:
    suspend_tenant("acme")
    registry.clear()
    assert visit.get("/admin/").status_code == 503
    resume_tenant("acme")
    registry.clear()
    assert visit.get("/admin/").status_code == 200
    sign_out_tenant("acme")
    registry.clear()
    assert visit.get("/admin/").status_code == 302


def test_an_operator_sees_and_changes_the_shop_but_opens_no_door(visit: Client, acme: TenantInfo) -> None:
    with use_tenant(acme):
        owner = User.objects.get(email="owner@acme.example")
    for page in ("goods/goods/", "goods/goods/add/", "orders/order/", "customers/customer/", "auth/user/"):
        assert visit.get(f"/admin/{page}").status_code == 200, page
    for page in ("auth/user/add/", "auth/group/add/", "auth/user/invite/", f"auth/user/{owner.pk}/password/"):
        assert visit.get(f"/admin/{page}").status_code == 403, page
    for page in ("oauth/apikey/add/", "oauth/application/add/"):
        assert visit.get(f"/admin/{page}").status_code == 403, page
    assert visit.get("/admin/second-factor/set-up/").status_code == 302
    assert visit.get("/oauth/authorize?client_id=x&response_type=code").status_code == 403
    with use_tenant(acme):
        before = list(User.objects.values())
    visit.post(f"/admin/auth/user/{owner.pk}/change/", {"username": "mine", "is_superuser": "on"})
    visit.post(f"/admin/auth/user/{owner.pk}/delete/", {"post": "yes"})
    visit.post("/admin/auth/user/", {"action": "delete_selected", "_selected_action": [owner.pk], "post": "yes"})
    visit.post("/admin/auth/user/", {"action": "disable_second_factor", "_selected_action": [owner.pk]})
    with use_tenant(acme):
        assert list(User.objects.values()) == before


def test_the_account_is_good_for_nothing_else(visit: Client, acme: TenantInfo) -> None:
    visit.post("/operator/leave/")
    with use_tenant(acme):
        account = User.objects.get(first_name="Operator")
        assert not account.has_usable_password()
        assert [account.is_superuser, account.is_staff, account.get_all_permissions()] == [False, False, set()]
        other = Client(HTTP_HOST=acme.host)
        other.force_login(account, backend="django.contrib.auth.backends.ModelBackend")
        assert other.get("/admin/").status_code == 302
        owner = User.objects.get(email="owner@acme.example")
        other.force_login(owner, backend="tenants.contrib.impersonation.backend.OperatorBackend")
    assert other.get("/admin/").status_code == 302


def test_a_second_visit_takes_the_account_as_it_has_to_be(office: Client, visit: Client, acme: TenantInfo) -> None:
    with use_tenant(acme):
        User.objects.filter(first_name="Operator").update(is_superuser=True, is_staff=True)
        account = User.objects.get(first_name="Operator")
        account.set_password("a back door")
        account.save()
    follow(link_from(office, acme), acme)
    with use_tenant(acme):
        account = User.objects.get(first_name="Operator")
        assert [account.is_superuser, account.is_staff, account.has_usable_password()] == [False] * 3


def test_a_shop_that_demands_a_second_factor_does_not_of_operators(office: Client, acme: TenantInfo) -> None:
    with use_tenant(PLATFORM):
        Tenant.objects.filter(pk=acme.id).update(staff_second_factor=True)
    registry.clear()
    client, _ = follow(link_from(office, acme), acme)
    assert client.get("/admin/").status_code == 200


def test_operator_login_ends_the_previous_session(office: Client, acme: TenantInfo) -> None:
    client = Client(HTTP_HOST=acme.host)
    with use_tenant(acme):
        client.force_login(User.objects.get(email="owner@acme.example"))
    before = client.cookies[settings.SESSION_COOKIE_NAME].value
    follow(link_from(office, acme), acme, client)
    assert "Operator kim" in client.get("/admin/").content.decode()
    with use_tenant(acme):
        assert not Session.objects.filter(pk=before).exists()


def test_a_link_is_used_up_by_one_of_many(acme: TenantInfo) -> None:
    link = make_login_link(acme, 1, "kim")
    token = link.split("/")[-2]
    with use_tenant(acme):
        assert [use_login_link(token) is None for _ in range(3)] == [False, True, True]
