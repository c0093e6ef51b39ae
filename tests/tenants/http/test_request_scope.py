"""The middleware's cache of hosts is valid exactly as long as the registry's answer."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client, override_settings

from tenants import PLATFORM, TenantInfo, WrongSchema, use_tenant
from tenants.conf import tenancy
from tenants.http import request_scope
from tenants.lifecycle import resume_tenant, suspend_tenant
from tenants.models import Tenant
from tenants.registry import lookup as registry_module
from tenants.registry.listener import listener
from tenants.registry.lookup import registry
from tests.settings import TENANTS
from tests.waiting import eventually

PAGE = "/goods/"


class Clock:
    def __init__(self) -> None:
        self.ahead = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead


@pytest.fixture
def hearing(acme: TenantInfo, globex: TenantInfo) -> Iterator[None]:
    listener.start()
    assert listener.listening.wait(60)
    registry.clear()
    request_scope._scopes.clear()
    yield
    request_scope._scopes.clear()


@pytest.fixture
def clock(hearing: None, monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    for module in (registry_module, request_scope):
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=clock.monotonic))
    return clock


def status(host: str, path: str = "/", **headers: Any) -> int:
    return Client(HTTP_HOST=host, **headers).get(path).status_code


def set_status_unheard(tenant: TenantInfo, status: str) -> None:
    with use_tenant(PLATFORM), connection.cursor() as cursor:
        cursor.execute("UPDATE tenants_tenant SET status = %s WHERE id = %s", [status, tenant.id])


def test_a_room_is_believed_no_longer_than_the_registrys_answer(acme: TenantInfo, clock: Clock) -> None:
    """It counts from when the control plane was asked, not from when the room was kept."""
    assert registry.get("slug:acme") == acme
    clock.ahead = tenancy().registry_seconds - 5
    assert status(acme.host) == 200
    set_status_unheard(acme, "suspended")
    assert status(acme.host) == 200
    clock.ahead += 6
    assert status(acme.host) == 503


def test_an_answer_is_believed_from_when_it_was_asked_for(
    acme: TenantInfo, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = registry_module._load

    def slowly(key: str) -> TenantInfo | None:
        answer = load(key)
        clock.ahead += 100
        return answer

    monkeypatch.setattr(registry_module, "_load", slowly)
    began = clock.monotonic()
    found = registry.get("slug:acme")
    assert found is not None
    assert registry.valid_until("slug:acme", found) < began + tenancy().registry_seconds + 50


def test_a_room_is_kept_for_the_answer_that_is_remembered_alone(acme: TenantInfo, clock: Clock) -> None:
    found = registry.get("slug:acme")
    assert found is not None
    assert registry.valid_until("slug:acme", found) > clock.monotonic()
    assert registry.valid_until("slug:acme", acme.as_owner()) == 0
    registry.clear()
    assert registry.valid_until("slug:acme", found) == 0


def test_a_change_that_is_heard_ends_all_rooms(acme: TenantInfo, globex: TenantInfo, hearing: None) -> None:
    def are_remembered() -> bool:
        assert [status(tenant.host) for tenant in (acme, globex)] == [200, 200]
        return {acme.host, globex.host} <= request_scope._scopes.keys()  # tests before may have left others

    assert eventually(are_remembered)  # the listener may be about to reconnect
    set_status_unheard(acme, "suspended")
    registry.invalidate(acme.id)
    assert (status(acme.host), status(globex.host)) == (503, 200)


def test_a_deaf_process_keeps_no_room(acme: TenantInfo, hearing: None) -> None:
    registry.set_listening(False)
    try:
        assert status(acme.host) == 200
        assert request_scope._scopes == {}
    finally:
        registry.set_listening(True)


def test_a_bypass_link_opens_a_suspended_shop_to_its_holder_alone(acme: TenantInfo, hearing: None) -> None:
    suspend_tenant("acme")
    with use_tenant(PLATFORM):
        secret = Tenant.objects.get(pk=acme.id).bypass
    registry.clear()
    holder = Client(HTTP_HOST=acme.host)
    assert holder.get("/", {"bypass": secret}, follow=True).status_code == 200
    assert status(acme.host) == 503
    assert holder.get("/").status_code == 200
    assert status(acme.host) == 503
    resume_tenant("acme")
    registry.clear()
    assert status(acme.host) == 200


def test_tenants_under_paths_of_one_host_are_told_apart(acme: TenantInfo, globex: TenantInfo, hearing: None) -> None:
    with override_settings(TENANTS={**TENANTS, "PATH_PREFIX": "t"}):
        for slug in ("acme", "globex", "acme"):
            response: Any = Client(HTTP_HOST="localhost").get(f"/t/{slug}/")
            assert response.wsgi_request.tenant.slug == slug
        assert request_scope._scopes == {}
    assert status("localhost", "/t/acme/") == 404


def test_a_forwarded_host_counts_only_where_the_setting_says_so(
    acme: TenantInfo, globex: TenantInfo, hearing: None
) -> None:
    client = Client(HTTP_HOST=acme.host, HTTP_X_FORWARDED_HOST=globex.host)
    for is_used, expected in ((False, "acme"), (True, "globex"), (False, "acme")):
        with override_settings(USE_X_FORWARDED_HOST=is_used):
            for _ in range(2):
                response: Any = client.get("/")
                assert response.wsgi_request.tenant.slug == expected


def test_rooms_are_bounded_however_many_spellings_of_a_host_are_sent(acme: TenantInfo, hearing: None) -> None:
    with override_settings(TENANTS={**TENANTS, "REGISTRY_SIZE": 5}):
        registry.set_listening(True)
        for port in range(8000, 8020):
            assert status(f"{acme.host}:{port}") == 200
            assert len(request_scope._scopes) <= 5


def test_a_host_that_is_no_longer_allowed_is_refused_at_once(acme: TenantInfo, hearing: None) -> None:
    assert status(acme.host) == 200
    with override_settings(ALLOWED_HOSTS=["elsewhere.example"], DEBUG=False):
        assert status(acme.host) == 404
    assert status(acme.host) == 200


def test_an_old_answer_is_not_kept_under_a_new_generation(
    acme: TenantInfo, hearing: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A change comes while the control plane is being asked."""
    load = registry_module._load

    def and_then_it_changes(key: str) -> TenantInfo | None:
        answer = load(key)
        set_status_unheard(acme, "suspended")
        registry.invalidate(acme.id)
        return answer

    monkeypatch.setattr(registry_module, "_load", and_then_it_changes)
    assert status(acme.host) == 200
    monkeypatch.setattr(registry_module, "_load", load)
    assert status(acme.host) == 503


def test_an_app_that_changes_sides_is_looked_for_where_it_is_now(acme: TenantInfo) -> None:
    """A block caches which apps its tenant has; a test may change the setting inside it."""
    moved = [app for app in TENANTS["COMMON_APPS"] if app != "django.contrib.auth"]
    with use_tenant(acme):
        assert User.objects.exists()
        with (
            use_tenant(acme),
            override_settings(
                TENANTS={
                    **TENANTS,
                    "COMMON_APPS": moved,
                    "SHARED_APPS": [*TENANTS["SHARED_APPS"], "django.contrib.auth"],
                }
            ),
        ):
            with pytest.raises(WrongSchema):
                User.objects.exists()
        assert User.objects.exists()


def test_one_use_tenant_entered_by_many_threads_at_once_is_entered_once() -> None:
    for _ in range(50):
        block = use_tenant(TenantInfo(id=1, slug="a", schema="t_1"))

        def enter(_: int, block: Any = block) -> str:
            try:
                with block:
                    return "entered"
            except RuntimeError:
                return "refused"

        with ThreadPoolExecutor(8) as pool:
            assert sorted(pool.map(enter, range(8))) == ["entered"] + ["refused"] * 7
