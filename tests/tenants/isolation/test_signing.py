"""Signed values of one tenant are invalid in another, and in a later epoch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.auth.tokens import default_token_generator
from django.core import signing
from django.core.checks.security.base import check_secret_key
from django.http import HttpRequest, HttpResponse
from django.test import override_settings

from tenants import PLATFORM, NoActiveTenant, TenantInfo, use_tenant
from tenants.isolation.signing import TenantSecretKey, former_tenant_keys, new_epoch, tenant_key

A = TenantInfo(id=1, slug="a", schema="t_1", epoch=new_epoch())
CLONE = TenantInfo(id=2, slug="a-copy", schema="t_2", epoch=new_epoch())
LATER = replace(A, epoch=new_epoch())
NAMESAKE = replace(A, id=3, schema="t_3")
ELSEWHERE = [CLONE, LATER, NAMESAKE, PLATFORM]


def a_user() -> User:
    return User(pk=7, username="kim", password="hashed", email="kim@example.com")


def cookie_signed() -> str:
    response = HttpResponse()
    response.set_signed_cookie("seen", "42", salt="s")
    return response.cookies["seen"].value


def cookie_read(value: str) -> Any:
    request = HttpRequest()
    request.COOKIES["seen"] = value
    return request.get_signed_cookie("seen", salt="s", default=None)


def unsigned(value: str) -> Any:
    try:
        return signing.loads(value)
    except signing.BadSignature:
        return None


MADE_AFTER_IMPORT = signing.TimestampSigner(salt="module")


def unsigned_by_signer(value: str) -> Any:
    try:
        return MADE_AFTER_IMPORT.unsign(value)
    except signing.BadSignature:
        return None


KINDS: dict[str, tuple[Callable[[], str], Callable[[str], Any]]] = {
    "signing.dumps": (lambda: signing.dumps("42"), unsigned),
    "a signer that was created without a tenant": (lambda: MADE_AFTER_IMPORT.sign("42"), unsigned_by_signer),
    "signed cookie": (cookie_signed, cookie_read),
    "password token": (
        lambda: default_token_generator.make_token(a_user()),
        lambda token: default_token_generator.check_token(a_user(), token),
    ),
    "hash in a session": (lambda: a_user().get_session_auth_hash(), lambda it: it == a_user().get_session_auth_hash()),
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_signed_is_worth_something_at_home_alone(kind: str) -> None:
    make, accepts = KINDS[kind]
    with use_tenant(A):
        made = make()
        assert accepts(made)
    for stranger in ELSEWHERE:
        with use_tenant(stranger):
            assert not accepts(made)
            assert accepts(make())


@pytest.mark.parametrize("kind", KINDS)
def test_a_secret_that_all_share_would_be_accepted_elsewhere(kind: str) -> None:
    """The control: the test above can fail."""
    make, accepts = KINDS[kind]
    with override_settings(SECRET_KEY="one for all"):
        shared = signing.TimestampSigner(salt="module")
        if "signer" in kind:
            make, accepts = lambda: shared.sign("42"), shared.unsign
        with use_tenant(A):
            made = make()
        for stranger in ELSEWHERE:
            with use_tenant(stranger):
                assert accepts(made)


@pytest.mark.parametrize("kind", KINDS)
def test_a_former_secret_is_accepted_at_home_alone_as_well(kind: str) -> None:
    if kind == "hash in a session":
        pytest.skip("Django tries the fallbacks where it reads the session")
    make, accepts = KINDS[kind]
    with use_tenant(A):
        made = make()
    with override_settings(SECRET_KEY=TenantSecretKey("the next"), SECRET_KEY_FALLBACKS=[settings.SECRET_KEY]):
        if "signer" in kind:
            accepts = signing.TimestampSigner(salt="module").unsign
        with use_tenant(A):
            assert accepts(made)
        for stranger in ELSEWHERE:
            with use_tenant(stranger), pytest.raises(signing.BadSignature):
                if not accepts(made):
                    raise signing.BadSignature


def test_keys_differ_by_purpose_and_hang_on_the_secret() -> None:
    with use_tenant(A):
        assert len(tenant_key("one")) == 32
        assert tenant_key("one") == tenant_key("one")
        assert tenant_key("one") != tenant_key("two")
        assert str(settings.SECRET_KEY).encode() == settings.SECRET_KEY.encode() != settings.SECRET_KEY.root.encode()
        before = tenant_key("one")
        with override_settings(SECRET_KEY="a plain one", SECRET_KEY_FALLBACKS=[settings.SECRET_KEY]):
            assert tenant_key("one") != before
            assert former_tenant_keys("one") == [before]


def test_signing_without_a_tenant_is_an_error() -> None:
    for attempt in (lambda: tenant_key("any"), lambda: signing.dumps("any"), lambda: str(settings.SECRET_KEY)):
        with pytest.raises(NoActiveTenant):
            attempt()


def test_the_secret_does_not_become_part_of_a_text_that_all_tenants_share() -> None:
    for attempt in (
        lambda: settings.SECRET_KEY + "pepper",
        lambda: "pepper" + settings.SECRET_KEY,
        lambda: "".join(["pepper", settings.SECRET_KEY]),
        lambda: bytes(settings.SECRET_KEY, "utf-8"),
    ):
        with use_tenant(A), pytest.raises(TypeError):
            attempt()
    assert settings.SECRET_KEY.root not in repr(settings.SECRET_KEY)
    with use_tenant(A):
        assert settings.SECRET_KEY.root not in f"{settings.SECRET_KEY} {settings.SECRET_KEY!s:>80}"


@pytest.mark.parametrize("secret", ["x" * 60, "django-insecure-" + "0123456789abcdef" * 4, "0123456789abcdef"])
def test_djangos_check_sees_a_weak_secret(secret: str) -> None:
    with override_settings(SECRET_KEY=TenantSecretKey(secret)):
        assert check_secret_key(None)
    assert not check_secret_key(None)
