"""Cookies, links and tokens of a tenant are invalid in any other tenant, and in another epoch of the same tenant.

Everything is created and sent over HTTP. One shop goes through all steps: it has another shop and a clone, is
suspended, signed out, renamed, purged, and created again under the old slug.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import connections
from django.test import Client

from tenants import PLATFORM, TenantInfo, use_tenant
from tenants.contrib.impersonation.links import make_login_link
from tenants.contrib.oauth.key_cache import key_cache
from tenants.contrib.oauth.models import Application
from tenants.isolation.password_reset import password_link
from tenants.lifecycle import (
    TenantSpec,
    clone_tenant,
    create_tenant,
    delete_tenant,
    purge_tenant,
    rename_tenant,
    resume_tenant,
    sign_out_tenant,
    suspend_tenant,
)
from tenants.models import Tenant
from tenants.registry.lookup import registry, tenant_by_slug

OWNER, PASSWORD, DOMAIN = "owner@given.example", "correct horse battery", "given.example"
CALLBACK, VERIFIER = "https://app.example/callback", "v" * 64


@dataclass(frozen=True)
class Kind:
    """Something that a tenant gives out: how it comes about there, and what an answer to it is at a host."""

    made: Callable[[TenantInfo], Any]
    presented: Callable[[str, Any], int]
    """Returns the status of the answer."""
    accepted: int
    refused: int
    at_platform: int


def browser(host: str, **how: Any) -> Client:
    return Client(HTTP_HOST=host, **how)


def path_of(link: str) -> str:
    return link[link.index("/", 8) :]


# --- Cookies


def session_cookie(tenant: TenantInfo) -> str:
    client = browser(tenant.host)
    assert client.post("/admin/login/", {"username": OWNER, "password": PASSWORD}).status_code == 302
    return str(client.cookies[settings.SESSION_COOKIE_NAME].value)


def present_session(host: str, cookie: str) -> int:
    client = browser(host)
    client.cookies[settings.SESSION_COOKIE_NAME] = cookie
    return client.get("/admin/").status_code


def csrf_pair(tenant: TenantInfo) -> tuple[str, str]:
    client = browser(tenant.host)
    field = str(client.get("/admin/login/").context["csrf_token"])
    return client.cookies[settings.CSRF_COOKIE_NAME].value, field


def present_csrf_pair(host: str, pair: tuple[str, str]) -> int:
    client = browser(host, enforce_csrf_checks=True)
    client.cookies[settings.CSRF_COOKIE_NAME], field = pair
    return client.post("/admin/password-reset/", {"email": "no address", "csrfmiddlewaretoken": field}).status_code


# --- Links


def reset_link(tenant: TenantInfo) -> str:
    with use_tenant(tenant):
        return path_of(password_link(User.objects.get(email=OWNER)))


def invitation(tenant: TenantInfo) -> str:
    with use_tenant(tenant):
        invited, _ = User.objects.get_or_create(username="invited", is_staff=True)
        invited.set_unusable_password()
        invited.save()
        return path_of(password_link(invited))


def entry_link(tenant: TenantInfo) -> str:
    return path_of(make_login_link(tenant, 1, "kim"))


def follow(host: str, path: str) -> int:
    return browser(host).get(path).status_code


# --- Tokens


def access_token(tenant: TenantInfo) -> str:
    answer = browser(tenant.host).post("/api/token", {"username": OWNER, "password": PASSWORD})
    assert answer.status_code == 200
    return str(answer.json()["access_token"])


def present_access_token(host: str, token: str) -> int:
    return browser(host).get("/api/protected", headers={"Authorization": f"Bearer {token}"}).status_code


def code(tenant: TenantInfo) -> dict[str, str]:
    """Let a client in, and return what it sends to get a token for that."""
    with use_tenant(tenant):
        row = Application(
            name="Bookkeeping",
            client_type=Application.CLIENT_CONFIDENTIAL,
            authorization_grant_type=Application.GRANT_AUTHORIZATION_CODE,
            redirect_uris=CALLBACK,
            scopes="goods:read",
        )
        secret = row.renew_secret()
        row.full_clean()
        row.save()
    challenge = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
    asked = {"response_type": "code", "client_id": row.client_id, "redirect_uri": CALLBACK, "scope": "goods:read"}
    address = f"/oauth/authorize?{urlencode({**asked, 'code_challenge': challenge, 'code_challenge_method': 'S256'})}"
    client = browser(tenant.host)
    client.cookies[settings.SESSION_COOKIE_NAME] = session_cookie(tenant)
    page = client.get(address).content.decode()
    hidden = {name: unescape(value) for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', page)}
    answer = client.post(address, {**hidden, "allow": "true"})
    given = parse_qs(urlsplit(answer["Location"]).query)["code"][0]
    return {
        "grant_type": "authorization_code",
        "code": given,
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
        "client_id": row.client_id,
        "client_secret": secret,
    }


def refresh_token(tenant: TenantInfo) -> dict[str, str]:
    sent = code(tenant)
    answer = browser(tenant.host).post("/oauth/token", sent)
    assert answer.status_code == 200, answer.content
    known = {name: sent[name] for name in ("client_id", "client_secret")}
    return {"grant_type": "refresh_token", "refresh_token": answer.json()["refresh_token"], **known}


def ask_for_token(host: str, sent: dict[str, str]) -> int:
    answer = browser(host).post("/oauth/token", sent)
    if answer.status_code == 401:  # neither the client nor its token exists there
        assert answer.json()["error"] == "invalid_client"
        return 400
    return answer.status_code


KINDS = {
    "session": Kind(session_cookie, present_session, accepted=200, refused=302, at_platform=302),
    "CSRF": Kind(csrf_pair, present_csrf_pair, accepted=200, refused=403, at_platform=403),
    "one-time link": Kind(entry_link, follow, accepted=302, refused=403, at_platform=404),
    "access token": Kind(access_token, present_access_token, accepted=200, refused=401, at_platform=404),
    "authorization code": Kind(code, ask_for_token, accepted=200, refused=400, at_platform=404),
    "refresh token": Kind(refresh_token, ask_for_token, accepted=200, refused=400, at_platform=404),
    # A link that is valid leads on to the form; one that is void, to a page that says so. Made last: who signs in has
    # no need of a link from before, which is void then.
    "reset": Kind(reset_link, follow, accepted=302, refused=200, at_platform=200),
    "invitation": Kind(invitation, follow, accepted=302, refused=200, at_platform=200),
}
PLACES = ["other tenant", "clone", "signed out", "renamed", "re-created"]

Answers = dict[tuple[str, str], int]


@pytest.fixture(scope="module")
def answers(django_db_setup: None, django_db_blocker: Any) -> Iterator[Answers]:
    """What everything got everywhere, by kind and place."""
    with django_db_blocker.unblock():
        life = _Life()
        try:
            yield life.lived()
        finally:
            life.clear()
            connections.close_all()


class _Life:
    def __init__(self) -> None:
        self.answers: Answers = {}
        self.opened: list[str] = []

    def open(self, slug: str, domain: str = "") -> TenantInfo:
        self.opened.append(slug)
        order = TenantSpec(slug=slug, domain=domain, owner_email=OWNER, owner_password=PASSWORD)
        return create_tenant(order)

    def now(self, slug: str) -> TenantInfo:
        """Return a tenant as every process sees it a moment after a change."""
        registry.clear()
        key_cache.clear()
        return tenant_by_slug(slug)

    def present(self, place: str, host: str, given: dict[str, Any]) -> None:
        for name, kind in KINDS.items():
            self.answers[name, place] = kind.presented(host, given[name])

    def lived(self) -> Answers:
        home, other = self.open("given", DOMAIN), self.open("given-other")
        given = {name: kind.made(home) for name, kind in KINDS.items()}
        self.present("other tenant", other.host, given)
        self.present("platform", "localhost", given)
        self.present("clone", self.clone(home, given["session"]).host, given)
        suspend_tenant("given")
        self.now("given")
        self.present("suspended", DOMAIN, given)
        resume_tenant("given")
        # Nothing of that has used anything up.
        self.present("at home", self.now("given").host, given)

        given = {name: kind.made(home) for name, kind in KINDS.items()}
        sign_out_tenant("given")
        self.present("signed out", self.now("given").host, given)

        given = {name: kind.made(self.now("given")) for name, kind in KINDS.items()}
        rename_tenant("given", "given-again")
        self.opened.append("given-again")
        self.present("renamed", self.now("given-again").host, given)

        given = {name: kind.made(self.now("given-again")) for name, kind in KINDS.items()}
        delete_tenant("given-again")
        purge_tenant("given-again")
        self.open("given-again", DOMAIN)
        self.present("re-created", self.now("given-again").host, given)
        return self.answers

    def clone(self, home: TenantInfo, session: str) -> TenantInfo:
        """Clone, and bring the rows of sessions along by hand, as a careless copy would."""
        clone = clone_tenant(home.slug, "given-copy")
        self.opened.append(clone.slug)
        with use_tenant(home):
            row = Session.objects.values().get(pk=session)
        with use_tenant(clone):
            Session.objects.create(**row)
        return clone

    def clear(self) -> None:
        with use_tenant(PLATFORM):
            there = list(Tenant.objects.filter(slug__in=self.opened).values_list("slug", flat=True))
            Tenant.objects.filter(slug__in=there).update(status=Tenant.Status.DELETED)
        for slug in there:
            purge_tenant(slug)
        registry.clear()


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_accepted_at_home(answers: Answers, kind: str) -> None:
    """The control: the tests below can fail."""
    assert answers[kind, "at home"] == KINDS[kind].accepted != KINDS[kind].refused


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", KINDS)
def test_it_is_refused_elsewhere_and_in_another_life(answers: Answers, kind: str, place: str) -> None:
    assert answers[kind, place] == KINDS[kind].refused


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_refused_at_the_platform(answers: Answers, kind: str) -> None:
    assert answers[kind, "platform"] == KINDS[kind].at_platform != KINDS[kind].accepted


@pytest.mark.parametrize("kind", KINDS)
def test_while_the_shop_is_suspended_everything_gets_the_closed_door(answers: Answers, kind: str) -> None:
    assert answers[kind, "suspended"] == 503
