"""A session is valid for its tenant and epoch, and empty for all others."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.sessions.backends import db as djangos
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext

from tenants import TenantInfo, use_tenant
from tenants.isolation.sessions import SessionStore
from tenants.isolation.signing import new_epoch


def a_session(store: Any = SessionStore, **data: Any) -> str:
    session = store()
    session.update(data)
    session.save()
    return str(session.session_key)


def copy_row(key: str, source: TenantInfo, target: TenantInfo) -> None:
    with use_tenant(source):
        row = Session.objects.values().get(pk=key)
    with use_tenant(target):
        Session.objects.create(**row)


def test_a_session_is_read_at_home(acme: TenantInfo) -> None:
    with use_tenant(acme):
        key = a_session(cart=[1, 2])
        assert SessionStore(key)["cart"] == [1, 2]
        assert dict(SessionStore(key).items()) == {"cart": [1, 2]}
        assert Session.objects.get(pk=key).get_decoded()["cart"] == [1, 2]


@pytest.mark.parametrize("store", [SessionStore, djangos.SessionStore])
def test_a_row_that_is_copied_to_another_tenant_is_worth_nothing(
    acme: TenantInfo, globex: TenantInfo, store: Any
) -> None:
    with use_tenant(acme):
        key = a_session(store, cart=[1, 2])
    copy_row(key, acme, globex)
    with use_tenant(globex):
        session = SessionStore(key)
        assert session.get("cart") is None
        assert session.session_key is None
        session["cart"] = [3]
        session.save()
        assert session.session_key not in {key, None}


def test_with_djangos_engine_and_one_secret_it_would_be_accepted(acme: TenantInfo, globex: TenantInfo) -> None:
    """The control: the test above can fail."""
    with override_settings(SECRET_KEY="one for all"):
        with use_tenant(acme):
            key = a_session(djangos.SessionStore, cart=[1, 2])
        copy_row(key, acme, globex)
        with use_tenant(globex):
            assert djangos.SessionStore(key)["cart"] == [1, 2]


def test_the_engine_alone_tells_whose_a_session_is(acme: TenantInfo, globex: TenantInfo) -> None:
    with override_settings(SECRET_KEY="one for all"):
        with use_tenant(acme):
            key = a_session(cart=[1, 2])
        copy_row(key, acme, globex)
        with use_tenant(globex):
            assert SessionStore(key).get("cart") is None
        with use_tenant(replace(acme, epoch=new_epoch())):
            assert SessionStore(key).get("cart") is None


def test_a_session_ends_with_its_epoch_without_a_warning(acme: TenantInfo, caplog: pytest.LogCaptureFixture) -> None:
    with use_tenant(acme):
        key = a_session(cart=[1, 2])
    with use_tenant(replace(acme, epoch=new_epoch())):
        assert SessionStore(key).get("cart") is None
    assert caplog.records == []


def test_telling_whose_it_is_costs_no_query(acme: TenantInfo) -> None:
    with use_tenant(acme):
        ours, plain = a_session(cart=[1]), a_session(djangos.SessionStore, cart=[1])
        for store, key in ((SessionStore, ours), (djangos.SessionStore, plain)):
            with CaptureQueriesContext(connection) as queries:
                assert store(key)["cart"] == [1]
            assert len(queries) == 1


def test_it_is_the_same_asynchronously(acme: TenantInfo, globex: TenantInfo) -> None:
    with use_tenant(acme):
        key = a_session(cart=[1, 2])
    copy_row(key, acme, globex)
    for tenant, expected in ((acme, [1, 2]), (globex, None)):
        with use_tenant(tenant):
            assert async_to_sync(SessionStore(key).aget)("cart") == expected


def test_cookie_with_the_key_of_another_tenants_row_is_deleted(acme: TenantInfo, globex: TenantInfo) -> None:
    browser = Client(HTTP_HOST=acme.host)
    with use_tenant(acme):
        browser.force_login(User.objects.get(email="owner@acme.example"))
    assert browser.get("/admin/").status_code == 200
    copy_row(browser.cookies[settings.SESSION_COOKIE_NAME].value, acme, globex)
    with use_tenant(globex):  # the ids of users are the same in both
        assert User.objects.get(email="owner@globex.example").pk == User.objects.db_manager().first().pk
    elsewhere = Client(HTTP_HOST=globex.host)
    elsewhere.cookies = browser.cookies
    response = elsewhere.get("/admin/")
    assert response.status_code == 302
    assert response.cookies[settings.SESSION_COOKIE_NAME]["max-age"] == 0
