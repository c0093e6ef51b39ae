"""Lockout after failed logins: per tenant and network, without revealing which accounts exist."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.auth import authenticate
from django.contrib.auth.hashers import MD5PasswordHasher, identify_hasher
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory, override_settings
from django.utils import timezone

from config.settings import PASSWORD_HASHERS
from tenants import PLATFORM, TenantInfo, use_tenant
from tenants.contrib.accounts.lockout import too_many_failures
from tenants.contrib.limits.limiter import ProcessLimit, Rejection
from tenants.contrib.limits.lockouts import REMEMBERED_SECONDS, Attempt, Lockouts, lockouts
from tenants.contrib.limits.request_bodies import REJECTION
from tenants.contrib.limits.wsgi import receive_body
from tenants.http.problem_details import PROBLEM_CONTENT_TYPE

OWNER, PASSWORD = "owner@acme.example", "correct horse battery"


@pytest.fixture(autouse=True)
def _passwords(acme: TenantInfo, globex: TenantInfo) -> None:
    for tenant in (acme, globex, PLATFORM):
        with use_tenant(tenant):
            User.objects.create_superuser("boss", password=PASSWORD)


@pytest.fixture(autouse=True)
def _nobody_is_remembered() -> Iterator[None]:
    lockouts.clear()
    yield
    lockouts.clear()


def login(tenant: TenantInfo, name: str = "boss", password: str = "wrong", address: str = "192.0.2.1") -> Any:
    client = Client(HTTP_HOST=tenant.host or "localhost", REMOTE_ADDR=address)
    return client.post("/admin/login/", {"username": name, "password": password})


def lock(tenant: TenantInfo, **how: Any) -> Any:
    for _ in range(settings.AXES_FAILURE_LIMIT - 1):
        assert login(tenant, **how).status_code == 200
    return login(tenant, **how)


def test_who_fails_too_often_has_to_wait_even_with_the_right_password(acme: TenantInfo) -> None:
    response = lock(acme)
    assert response.status_code == 429
    assert response["Retry-After"] == "900"
    assert "15 minutes" in response.content.decode()
    assert login(acme, password=PASSWORD).status_code == 429


def test_lockout_does_not_apply_in_other_tenants(acme: TenantInfo, globex: TenantInfo) -> None:
    lock(acme)
    assert login(globex, password=PASSWORD).status_code == 302
    assert login(PLATFORM, password=PASSWORD).status_code == 302
    assert login(acme, password=PASSWORD, address="192.0.2.2").status_code == 302


def test_a_flood_at_the_platform_locks_no_shop(acme: TenantInfo) -> None:
    assert lock(PLATFORM).status_code == 429
    assert login(PLATFORM, password=PASSWORD).status_code == 429
    assert login(acme, password=PASSWORD).status_code == 302


def test_other_names_and_browsers_are_counted_together(acme: TenantInfo) -> None:
    for number in range(settings.AXES_FAILURE_LIMIT):
        client = Client(HTTP_HOST=acme.host, REMOTE_ADDR="192.0.2.1", HTTP_USER_AGENT=f"browser {number}")
        response = client.post("/admin/login/", {"username": f"name{number}", "password": "wrong"})
    assert response.status_code == 429


def test_it_is_over_when_the_time_is(acme: TenantInfo) -> None:
    lock(acme)
    with use_tenant(acme):
        AccessAttempt.objects.update(attempt_time=timezone.now() - settings.AXES_COOLOFF_TIME - timedelta(seconds=1))
    assert login(acme, password=PASSWORD).status_code == 302


def test_trying_on_does_not_make_it_longer_nor_fill_tables(acme: TenantInfo) -> None:
    lock(acme)
    with use_tenant(acme):
        before = list(AccessAttempt.objects.values())
    for number in range(5):
        assert login(acme, name=f"name{number}").status_code == 429
    with use_tenant(acme):
        assert list(AccessAttempt.objects.values()) == before


def test_no_password_is_written_down(acme: TenantInfo) -> None:
    login(acme, name="boss", password="my-real-password-elsewhere")
    with use_tenant(acme):
        assert "elsewhere" not in json.dumps(list(AccessAttempt.objects.values()), default=str)


def body_refusal(tenant: TenantInfo, address: str = "192.0.2.1", path: str = "/admin/login/") -> Any:
    """Return why a body is refused before Django sees its request."""
    environ: dict[str, Any] = {
        "CONTENT_LENGTH": "3", "HTTP_HOST": tenant.host or "localhost", "PATH_INFO": path, "REMOTE_ADDR": address,
        "wsgi.input": BytesIO(b"a=b"),
    }  # fmt: skip
    receive_body(environ)
    return environ.get(REJECTION)


def test_locked_out_address_is_refused_before_its_body_is_read(acme: TenantInfo, globex: TenantInfo) -> None:
    lock(acme)
    assert body_refusal(acme) == Rejection(ProcessLimit.LOCKED_OUT, 900)
    assert body_refusal(acme, address="192.0.2.2") is None
    assert body_refusal(acme, path="/api/v1/carts") is None
    assert body_refusal(globex) is None
    assert body_refusal(PLATFORM) is None


def test_lockout_in_memory_ends_after_some_seconds() -> None:
    now = [100.0]
    kept, attempt = Lockouts(clock=lambda: now[0]), Attempt(1, "e", "192.0.2.1", "/admin/login/")
    assert kept.retry_after(attempt) == 0
    kept.remember(attempt, 900)
    assert kept.retry_after(attempt) == 900
    assert kept.retry_after(attempt._replace(epoch="f")) == 0
    now[0] += REMEMBERED_SECONDS
    assert kept.retry_after(attempt) == 0


def test_refusal_from_memory_shows_the_page_of_the_lockout(acme: TenantInfo) -> None:
    page = lock(acme)
    extra: dict[str, Any] = {REJECTION: Rejection(ProcessLimit.LOCKED_OUT, 900)}
    refused = Client(HTTP_HOST=acme.host, REMOTE_ADDR="192.0.2.1").post("/admin/login/", {}, **extra)
    assert (refused.status_code, refused["Retry-After"], refused["Cache-Control"]) == (429, "900", "no-store")
    assert refused.content == page.content


@pytest.mark.parametrize(("language", "detail"), [("en", "wait 15 minutes"), ("ko", "15분 기다렸다가")])
def test_program_gets_the_lockout_as_problem_details(acme: TenantInfo, language: str, detail: str) -> None:
    extra: dict[str, Any] = {REJECTION: Rejection(ProcessLimit.LOCKED_OUT, 900)}
    headers = {"accept": "application/json", "accept-language": language}
    refused = Client(HTTP_HOST=acme.host).post("/admin/login/", {}, headers=headers, **extra)
    assert refused["Content-Type"] == "application/problem+json; charset=utf-8"
    problem = json.loads(refused.content)
    assert (problem["type"], problem["status"]) == ("urn:sangga:problem:too-many-failed-logins", 429)
    assert detail in problem["detail"]


def test_lockout_by_name_is_not_remembered_for_the_address(acme: TenantInfo) -> None:
    with override_settings(AXES_LOCKOUT_PARAMETERS=["username"]):
        lock(acme)
    assert body_refusal(acme) is None


def test_an_answer_in_json_stays_one(acme: TenantInfo) -> None:
    request = RequestFactory().post("/api/token")
    with use_tenant(acme):
        answer = too_many_failures(request, HttpResponse("{}", content_type="application/json"))
    assert (answer.status_code, answer["Content-Type"]) == (429, PROBLEM_CONTENT_TYPE)
    assert json.loads(answer.content)["status"] == 429


# --- Who is there is not told


class CountingHasher(MD5PasswordHasher):
    calls = 0

    def encode(self, password: str, salt: str) -> str:
        type(self).calls += 1
        return super().encode(password, salt)


def without_tokens(response: Any) -> str:
    return str(response.content.decode().replace(str(response.context["csrf_token"]), ""))


def test_a_name_that_exists_gets_the_answer_of_one_that_does_not(acme: TenantInfo) -> None:
    with use_tenant(acme):
        User.objects.create_user("idle", password=PASSWORD, is_active=False, is_staff=True)
        User.objects.create_user("shopper", password=PASSWORD)
        User.objects.create_user("invited", is_staff=True)
    answers = {without_tokens(login(acme, name=name)).replace(name, "NAME") for name in ("boss", "ghost", "invited")}
    assert len(answers) == 1
    for name in ("idle", "shopper"):  # with the right password as well
        assert without_tokens(login(acme, name=name, password=PASSWORD)).replace(name, "NAME") in answers


def test_a_name_that_exists_costs_the_hashing_of_one_that_does_not(acme: TenantInfo) -> None:
    """Counted, not timed: one password is hashed for any name."""
    with use_tenant(acme), override_settings(PASSWORD_HASHERS=[f"{__name__}.CountingHasher"]):
        User.objects.create_user("known", password=PASSWORD)
        User.objects.create_user("invited")
        counts = {}
        for name in ("known", "ghost", "invited"):
            CountingHasher.calls = 0
            request: HttpRequest = RequestFactory().post("/")
            assert authenticate(request, username=name, password="wrong") is None
            counts[name] = CountingHasher.calls
    assert set(counts.values()) == {1}


def test_passwords_are_hashed_with_argon2_old_ones_at_the_next_login(acme: TenantInfo) -> None:
    old = "django.contrib.auth.hashers.PBKDF2PasswordHasher"
    with use_tenant(acme):
        with override_settings(PASSWORD_HASHERS=[old]):
            user = User.objects.create_user("old", password=PASSWORD)
            assert identify_hasher(user.password).algorithm == "pbkdf2_sha256"
        with override_settings(PASSWORD_HASHERS=PASSWORD_HASHERS):
            request = RequestFactory().post("/")
            assert authenticate(request, username="old", password=PASSWORD) == user
            user.refresh_from_db()
            assert identify_hasher(user.password).algorithm == "argon2"
