"""E-mails with password links: reset and invitation, to the registered host only."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.core import mail
from django.core.cache import cache
from django.test import Client

from tenants import PLATFORM, NoActiveTenant, TenantInfo, use_tenant
from tenants.contrib.accounts import background
from tenants.contrib.accounts.background import run_in_background
from tenants.contrib.accounts.emails import send_invitation, send_reset_links
from tenants.lifecycle import add_domain
from tenants.registry.lookup import registry, tenant_by_slug
from tests.waiting import eventually

LINK = re.compile(r"(http://[^\s]+/account/set-password/[^\s]+)")
OWNER = "owner@acme.example"


@pytest.fixture(autouse=True)
def _nothing_remembered() -> None:
    with use_tenant(PLATFORM):
        cache.clear()


@pytest.fixture
def owner(acme: TenantInfo) -> User:
    with use_tenant(acme):
        user = User.objects.get(email=OWNER)
        user.set_password("the old password")
        user.save()
        return user


def link_in(message: Any) -> str:
    found = LINK.search(message.body)
    assert found is not None
    return found[1]


def path_of(link: str, host: str) -> str:
    assert re.match(rf"http://{re.escape(host)}(:\d+)?/", link)
    return link[link.index("/", 8) :]


def choose_password(client: Client, path: str, password: str) -> Any:
    page = client.get(path, follow=True)
    return client.post(page.redirect_chain[-1][0], {"new_password1": password, "new_password2": password})


# --- A forgotten password


def test_the_link_sets_a_password_once(acme: TenantInfo, owner: User) -> None:
    with use_tenant(acme):
        send_reset_links(OWNER, "en")
    (message,) = mail.outbox
    assert message.to == [OWNER]
    assert "Acme" in message.subject
    path = path_of(link_in(message), acme.host)
    client = Client(HTTP_HOST=acme.host)
    assert choose_password(client, path, "battery staple 9").status_code == 302
    assert Client(HTTP_HOST=acme.host).get(path).context["validlink"] is False
    response = client.post("/admin/login/", {"username": OWNER, "password": "battery staple 9"})
    assert response["Location"] == "/admin/"


def test_operators_have_the_same(db: Any) -> None:
    with use_tenant(PLATFORM):
        User.objects.create_superuser("kim", "kim@platform.example", "the old password")
        send_reset_links("kim@platform.example", "en")
    path = path_of(link_in(mail.outbox[0]), "localhost")
    client = Client(HTTP_HOST="localhost")
    assert choose_password(client, path, "battery staple 9").status_code == 302
    assert client.post("/admin/login/", {"username": "kim", "password": "battery staple 9"})["Location"] == "/admin/"


def test_it_leads_to_the_registered_host(acme: TenantInfo, owner: User) -> None:
    add_domain("acme", "shop.acme.example", primary=True)
    registry.clear()
    with use_tenant(tenant_by_slug("acme")):
        send_reset_links(OWNER, "en")
    path_of(link_in(mail.outbox[0]), "shop.acme.example")


def test_no_other_user_is_sent_an_email(acme: TenantInfo, globex: TenantInfo, owner: User) -> None:
    with use_tenant(acme):
        User.objects.create_user("off", "off@acme.example", "x", is_active=False)
        User.objects.create_user("invited", "invited@acme.example")
        for address in ("ghost@acme.example", "off@acme.example", "invited@acme.example", "owner@globex.example"):
            send_reset_links(address, "en")
        # A letter that looks like another (the dotless i), in another person's domain.
        User.objects.create_user("mike", "mike@example.org", "x")
        send_reset_links("mıke@example.org", "en")
    with use_tenant(globex):
        send_reset_links(OWNER, "en")
    assert mail.outbox == []


def test_one_is_not_sent_a_second_link_at_once(acme: TenantInfo, owner: User) -> None:
    with use_tenant(acme):
        for _ in range(3):
            send_reset_links(OWNER, "en")
    assert len(mail.outbox) == 1


def test_its_name_cannot_add_a_header(acme: TenantInfo, owner: User) -> None:
    with use_tenant(replace(acme, name="Acme\nBcc: all@example.org")):
        send_reset_links(OWNER, "en")
    assert mail.outbox[0].subject == "Reset your password for Acme Bcc: all@example.org"
    assert mail.outbox[0].recipients() == [OWNER]


# --- Asking for it


@contextmanager
def nobody_works() -> Any:
    """Keep the threads busy, so that queued calls wait."""
    go = threading.Event()
    for _ in range(background._pool._max_workers):
        background._pool.submit(go.wait, 30)
    try:
        yield
    finally:
        go.set()


@pytest.mark.parametrize("place", ["acme", "platform"])
def test_the_page_says_the_same_to_everybody(
    acme: TenantInfo, owner: User, place: str, django_assert_num_queries: Callable[..., Any]
) -> None:
    client = Client(HTTP_HOST=acme.host if place == "acme" else "localhost")
    assert "password-reset" in client.get("/admin/login/").content.decode()
    pages = set()
    with nobody_works():
        for address in (OWNER, "ghost@acme.example"):
            with django_assert_num_queries(0):  # no user has been looked up yet
                response = client.post("/admin/password-reset/", {"email": address})
            assert response["Location"] == "/admin/password-reset/sent/"
            pages.add(client.get(response["Location"]).content)
        assert mail.outbox == []
    assert len(pages) == 1


def test_invalid_address_is_reported(acme: TenantInfo) -> None:
    client = Client(HTTP_HOST=acme.host)
    for address in ("", "x", "a@b", "\0@example.com", "a" * 300 + "@example.com"):
        assert client.post("/admin/password-reset/", {"email": address}).status_code == 200


def test_it_is_sent_when_the_answer_has_gone(open_shop: Callable[..., TenantInfo], settings: Any) -> None:
    shop = open_shop(owner_email="boss@shop.example", owner_password="the old password", language="ko")
    other = open_shop(owner_email="boss@shop.example", owner_password="the old password")
    client = Client(HTTP_HOST=shop.host)
    assert client.post("/admin/password-reset/", {"email": "boss@shop.example"}).status_code == 302
    assert eventually(lambda: len(mail.outbox) == 1)
    assert shop.host in link_in(mail.outbox[0])
    assert other.host not in mail.outbox[0].body


# --- Work for later


def test_it_is_done_for_the_tenant_who_asked(live_tenant: TenantInfo) -> None:
    seen: list[Any] = []
    with pytest.raises(NoActiveTenant):
        User.objects.count()
    with use_tenant(live_tenant):
        assert run_in_background(lambda: seen.append(User.objects.count()))
    assert eventually(lambda: seen == [0])


def test_failed_email_is_logged_and_blocks_nothing(live_tenant: TenantInfo, caplog: pytest.LogCaptureFixture) -> None:
    seen: list[int] = []
    with use_tenant(live_tenant):
        run_in_background(lambda: 1 / 0)
        run_in_background(lambda: seen.append(1))
    assert eventually(lambda: seen == [1] and "ZeroDivisionError" in caplog.text)


def test_a_flood_is_dropped_and_not_kept(live_tenant: TenantInfo, caplog: pytest.LogCaptureFixture) -> None:
    """The queue is bounded per shop, so that a flood in one does not drop the mails of others."""
    done: list[int] = []
    of_one, of_all = background._MAX_QUEUED_PER_TENANT, background._MAX_QUEUED
    with nobody_works():
        for number in range(of_all // of_one):
            with use_tenant(replace(live_tenant, id=-1 - number)):
                taken = [run_in_background(done.append, number) for _ in range(of_one + 10)]
            assert taken.count(False) == 10
        with use_tenant(live_tenant):
            assert not run_in_background(done.append, 0)
    assert eventually(lambda: len(done) == of_all)
    assert "dropped" in caplog.text


# --- Invitations


@pytest.fixture
def office(acme: TenantInfo, owner: User) -> Client:
    client = Client(HTTP_HOST=acme.host)
    with use_tenant(acme):
        client.force_login(owner, backend="django.contrib.auth.backends.ModelBackend")
    return client


def test_owner_invites_a_user(acme: TenantInfo, office: Client, django_capture_on_commit_callbacks: Any) -> None:
    assert "/admin/auth/user/invite/" in office.get("/admin/auth/user/").content.decode()
    with use_tenant(acme):
        group = Group.objects.first()
        assert group is not None
    with nobody_works(), django_capture_on_commit_callbacks(execute=True) as callbacks:
        form = {"email": "lee@acme.example", "first_name": "Lee", "groups": [group.pk]}
        assert office.post("/admin/auth/user/invite/", form).status_code == 302
    assert callbacks
    with use_tenant(acme):
        lee = User.objects.get(username="lee@acme.example")
        assert lee.is_staff
        assert [lee.is_superuser, lee.has_usable_password()] == [False, False]
        assert list(lee.groups.all()) == [group]
        send_invitation(lee, "Kim", "en")
    message = mail.outbox[-1]
    assert "Kim invited you" in message.body
    client = Client(HTTP_HOST=acme.host)
    assert choose_password(client, path_of(link_in(message), acme.host), "battery staple 9").status_code == 302
    login = {"username": "lee@acme.example", "password": "battery staple 9"}
    assert client.post("/admin/login/", login)["Location"] == "/admin/"


def test_who_is_there_is_not_invited_again(acme: TenantInfo, office: Client) -> None:
    for address in (OWNER, OWNER.upper(), ""):
        assert office.post("/admin/auth/user/invite/", {"email": address}).status_code == 200


def test_only_superusers_invite(acme: TenantInfo) -> None:
    with use_tenant(acme):
        helper = User.objects.create_user("helper", is_staff=True)
        helper.user_permissions.set(Permission.objects.filter(content_type__app_label="auth"))
        client = Client(HTTP_HOST=acme.host)
        client.force_login(helper, backend="django.contrib.auth.backends.ModelBackend")
    assert client.post("/admin/auth/user/invite/", {"email": "lee@acme.example"}).status_code == 403
    assert "/admin/auth/user/invite/" not in client.get("/admin/auth/user/").content.decode()
    with use_tenant(acme):
        assert not User.objects.filter(username="lee@acme.example").exists()
