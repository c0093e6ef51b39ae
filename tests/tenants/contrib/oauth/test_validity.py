"""Validity of tokens and keys: one shop, one epoch, until they expire or are revoked."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection, connections
from django.db.models import Q
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tenants import PLATFORM, TenantInfo, use_tenant
from tenants.contrib.oauth.api_keys import create_api_key
from tenants.contrib.oauth.cleanup import clear_expired
from tenants.contrib.oauth.key_cache import key_cache
from tenants.contrib.oauth.keys import signing_pair
from tenants.contrib.oauth.models import AccessToken, ApiKey, Application, Grant, RefreshToken, RevokedToken, SigningKey
from tenants.contrib.oauth.revocation import revoke_tokens
from tenants.contrib.oauth.tokens import verify_token
from tenants.errors import WrongSchema
from tenants.lifecycle import (
    TenantSpec,
    clone_tenant,
    create_tenant,
    delete_tenant,
    purge_tenant,
    rename_tenant,
    sign_out_tenant,
    suspend_tenant,
)
from tenants.models import AuditEvent
from tenants.registry.listener import listener
from tenants.registry.lookup import registry, tenant_by_slug
from tests.waiting import eventually

PASSWORD = "correct horse battery"


def _client(host: str) -> Client:
    return Client(HTTP_HOST=host)


def _sign_in(tenant: TenantInfo) -> str:
    """Return a token of a new user."""
    with use_tenant(tenant):
        User.objects.create_superuser("kim", "kim@shop.example", PASSWORD)
    answer = _client(tenant.host).post("/api/token", {"username": "kim", "password": PASSWORD})
    assert answer.status_code == 200, answer.content
    assert answer.json()["token_type"] == "bearer"
    return str(answer.json()["access_token"])


def _ask(host: str, token: str) -> tuple[int, str]:
    """Return the status and detail of a request with a token."""
    answer = _client(host).get("/api/protected", headers={"Authorization": f"Bearer {token}"})
    return answer.status_code, answer.headers.get("WWW-Authenticate", "")


def _refused(host: str, token: str, reason: str) -> None:
    assert _ask(host, token) == (401, f'Bearer error="invalid_token", error_description="{reason}"')


OTHER_SHOP = "Wrong issuer: the token is from another shop, or from another address of this one."
OTHER_KEY = "Unknown signing key."
NO_KEY = "Unknown API key."


@pytest.fixture
def token(live_tenant: TenantInfo) -> str:
    token = _sign_in(live_tenant)
    assert _ask(live_tenant.host, token)[0] == 200
    return token


@pytest.fixture
def key(live_tenant: TenantInfo, token: str) -> str:
    with use_tenant(live_tenant):
        key = create_api_key(User.objects.get(username="kim"), "script", ["goods:read"]).shown_once
    assert _ask(live_tenant.host, key)[0] == 200
    return key


class TestElsewhere:
    def test_another_shop(self, open_shop: Callable[..., TenantInfo], token: str, key: str) -> None:
        other = open_shop()
        _refused(other.host, token, OTHER_SHOP)
        _refused(other.host, key, NO_KEY)

    def test_a_clone(self, live_tenant: TenantInfo, token: str, key: str) -> None:
        clone = clone_tenant(live_tenant.slug, "twin")
        try:
            _refused(clone.host, token, OTHER_SHOP)
            _refused(clone.host, key, NO_KEY)
            with use_tenant(clone):
                left = (AccessToken, RefreshToken, Grant, SigningKey, RevokedToken, ApiKey)
                assert [model.objects.count() for model in left] == [0] * len(left)
                assert signing_pair().kid  # its own, on first use
        finally:
            delete_tenant("twin")
            purge_tenant("twin")

    def test_the_same_shop_under_another_name(self, live_tenant: TenantInfo, token: str, key: str) -> None:
        renamed = rename_tenant(live_tenant.slug, "moved")
        registry.clear()
        _refused(renamed.host, token, OTHER_SHOP)
        _refused(renamed.host, key, NO_KEY)
        assert _ask(live_tenant.host, token)[0] == 404
        back = rename_tenant("moved", live_tenant.slug)
        registry.clear()
        _refused(back.host, token, OTHER_KEY)
        _refused(back.host, key, NO_KEY)

    def test_a_namesake_that_is_opened_later(self, live_tenant: TenantInfo, token: str, key: str) -> None:
        delete_tenant(live_tenant.slug)
        registry.clear()
        assert _ask(live_tenant.host, token)[0] == 404
        purge_tenant(live_tenant.slug)
        namesake = create_tenant(TenantSpec(slug=live_tenant.slug))
        registry.clear()
        try:
            _refused(namesake.host, token, OTHER_KEY)
            _refused(namesake.host, key, NO_KEY)
        finally:
            delete_tenant(namesake.slug)
            purge_tenant(namesake.slug)

    def test_everybody_signed_out(self, live_tenant: TenantInfo, token: str, key: str) -> None:
        sign_out_tenant(live_tenant.slug)
        registry.clear()
        _refused(live_tenant.host, token, OTHER_KEY)
        _refused(live_tenant.host, key, NO_KEY)
        answer = _client(live_tenant.host).post("/api/token", {"username": "kim", "password": PASSWORD})
        assert _ask(live_tenant.host, answer.json()["access_token"])[0] == 200

    def test_the_platform(self, token: str, key: str) -> None:
        for one in (token, key):
            assert _ask("localhost", one)[0] == 404
            answer = _client("localhost").get("/admin/", headers={"Authorization": f"Bearer {one}"})
            assert answer.status_code == 302

    def test_a_suspended_shop(self, live_tenant: TenantInfo, token: str, key: str) -> None:
        suspend_tenant(live_tenant.slug)
        registry.clear()
        for one in (token, key):
            assert _ask(live_tenant.host, one)[0] == 503
        assert _client(live_tenant.host).post("/api/token", {"username": "kim"}).status_code == 503
        for path in ("/oauth/token", "/oauth/jwks.json", "/.well-known/openid-configuration"):
            assert _client(live_tenant.host).get(path).status_code == 503


class TestRevoked:
    def test_in_this_process_at_once_and_by_others_writing_within_a_second(
        self, live_tenant: TenantInfo, token: str
    ) -> None:
        with use_tenant(live_tenant):
            assert revoke_tokens(Q(user__username="kim")) == 1
        _refused(live_tenant.host, token, "Token revoked.")
        answer = _client(live_tenant.host).post("/api/token", {"username": "kim", "password": PASSWORD})
        second = answer.json()["access_token"]
        listener.start()
        assert listener.listening.wait(180)
        assert _ask(live_tenant.host, second)[0] == 200
        with connection.cursor() as cursor, use_tenant(live_tenant):  # as with psql: without Django's signals
            cursor.execute("DELETE FROM oauth_accesstoken")
        assert eventually(lambda: _ask(live_tenant.host, second)[0] == 401)

    def test_a_user_who_is_switched_off_or_deleted_takes_their_tokens_along(
        self, live_tenant: TenantInfo, token: str, key: str
    ) -> None:
        with use_tenant(live_tenant):
            user = User.objects.get(username="kim")
            user.is_active = False
            user.save()
        _refused(live_tenant.host, token, "Token revoked.")
        _refused(live_tenant.host, key, "API key revoked.")
        with use_tenant(live_tenant):
            user.delete()
        assert eventually(lambda: _ask(live_tenant.host, key)[1].endswith(f'"{NO_KEY}"'))

    def test_a_user_who_is_switched_off_past_the_orm_has_no_access(self, live_tenant: TenantInfo, token: str) -> None:
        with use_tenant(live_tenant):
            User.objects.filter(username="kim").update(is_active=False)
        _refused(live_tenant.host, token, "The user of the token is inactive or deleted.")


class TestCost:
    def test_a_warm_token_or_key_is_verified_without_a_query(
        self, live_tenant: TenantInfo, token: str, key: str
    ) -> None:
        listener.start()
        assert listener.listening.wait(180)
        for one in (token, key):
            assert _ask(live_tenant.host, one)[0] == 200
            with CaptureQueriesContext(connection) as asked:
                assert _ask(live_tenant.host, one)[0] == 200
            # Whose it is, since the view tells their name. Of tokens, keys and clients nothing.
            assert [query["sql"].count("auth_user") > 0 for query in asked.captured_queries] == [True]
            with use_tenant(live_tenant), CaptureQueriesContext(connection) as asked:
                from tenants.contrib.oauth.bearer import access_by_token

                assert access_by_token(one, key_cache.get()) is not None
            assert len(asked.captured_queries) == 0

    def test_a_flood_of_made_up_keys_and_tokens_asks_nothing(self, live_tenant: TenantInfo, token: str) -> None:
        listener.start()
        assert listener.listening.wait(180)
        _ask(live_tenant.host, token)
        with CaptureQueriesContext(connection) as asked:
            for one in ("sangga_key_" + "x" * 46, "a.b.c", token[:-5] + "AAAAA", "nonsense"):
                assert _ask(live_tenant.host, one)[0] == 401
        assert len(asked.captured_queries) == 0

    def test_that_a_key_was_used_is_written_once_a_minute(self, live_tenant: TenantInfo, key: str) -> None:
        with use_tenant(live_tenant):
            first = ApiKey.objects.get().last_used
        assert first is not None
        for _ in range(3):
            _ask(live_tenant.host, key)
        with use_tenant(live_tenant):
            assert ApiKey.objects.get().last_used == first


class TestKeys:
    def test_many_who_find_no_key_make_one(self, live_tenant: TenantInfo) -> None:
        def sign(_: int) -> str:
            try:
                with use_tenant(live_tenant):
                    return signing_pair().kid
            finally:
                connections.close_all()

        with use_tenant(live_tenant):
            SigningKey.objects.all().delete()
        with ThreadPoolExecutor(8) as threads:
            kids = set(threads.map(sign, range(24)))
        assert len(kids) == 1
        with use_tenant(live_tenant):
            assert SigningKey.objects.get().kid in kids

    def test_the_command_changes_the_key_and_is_written_down(self, live_tenant: TenantInfo, token: str) -> None:
        call_command("rotate_key", live_tenant.slug)
        assert _ask(live_tenant.host, token)[0] == 200
        call_command("rotate_key", live_tenant.slug, "--at-once")
        key_cache.invalidate(live_tenant.schema)
        _refused(live_tenant.host, token, OTHER_KEY)
        with use_tenant(PLATFORM):
            events = AuditEvent.objects.filter(action="rotate_key", slug=live_tenant.slug)
            assert [event.detail["at_once"] for event in events.order_by("pk")] == [False, True]

    def test_another_secret_key_makes_another_and_the_fallback_keeps_the_old(
        self, live_tenant: TenantInfo, token: str, key: str, settings: Any
    ) -> None:
        from tenants.isolation.signing import TenantSecretKey

        before = settings.SECRET_KEY
        settings.SECRET_KEY = TenantSecretKey("another-secret-key-" + "x" * 40)
        settings.SECRET_KEY_FALLBACKS = [before]
        key_cache.clear()
        assert [_ask(live_tenant.host, one)[0] for one in (token, key)] == [200, 200]
        with use_tenant(live_tenant):
            assert signing_pair().kid
        settings.SECRET_KEY_FALLBACKS = []
        key_cache.clear()
        _refused(live_tenant.host, token, OTHER_KEY)
        _refused(live_tenant.host, key, NO_KEY)


class TestExpiry:
    @pytest.fixture
    def in_acme(self, acme: TenantInfo) -> Iterator[None]:
        with use_tenant(acme):
            yield

    def _token(self, client: Application, user: User, *, expired: timedelta, refresh: bool = False) -> AccessToken:
        jti, until = uuid.uuid4(), timezone.now() - expired
        token = AccessToken(user=user, application=client, jti=jti, scope="goods:read", expires=until)
        token.set_token(jti.hex)
        token.save()
        if refresh:
            other = RefreshToken(user=user, application=client, access_token=token, token_family=uuid.uuid4())
            other._raw_token = f"r{jti.hex}"
            other.save()
        return token

    def test_what_is_over_goes_and_what_can_go_on_stays(self, in_acme: None) -> None:
        user = User.objects.create_user("kim")
        client = Application.objects.create(name="c", client_type="public")
        day = timedelta(days=1)
        good = self._token(client, user, expired=-day)
        rests = self._token(client, user, expired=day, refresh=True)
        self._token(client, user, expired=day)
        self._token(client, user, expired=60 * day, refresh=True)
        RevokedToken.objects.create(jti=uuid.uuid4(), expires=timezone.now() - day)
        kept = RevokedToken.objects.create(jti=uuid.uuid4(), expires=timezone.now() + day)
        clear_expired()
        assert set(AccessToken.objects.all()) == {good, rests}
        assert RefreshToken.objects.get().access_token == rests
        assert list(RevokedToken.objects.all()) == [kept]

    def test_the_command_goes_through_all_shops(self, acme: TenantInfo, globex: TenantInfo) -> None:
        for tenant in (acme, globex):
            with use_tenant(tenant):
                RevokedToken.objects.create(jti=uuid.uuid4(), expires=timezone.now() - timedelta(days=1))
        call_command("clear_tokens", "--tenant", "acme")
        for tenant, left in ((acme, 0), (globex, 1)):
            with use_tenant(tenant):
                assert RevokedToken.objects.count() == left
        call_command("clear_tokens")
        with use_tenant(globex):
            assert not RevokedToken.objects.exists()


def test_a_token_that_is_verified_outside_a_request_is_the_active_tenants(live_tenant: TenantInfo, token: str) -> None:
    with use_tenant(tenant_by_slug(live_tenant.slug)):
        assert verify_token(token, key_cache.get()).client_id == "first-party"
    with pytest.raises(WrongSchema), use_tenant(PLATFORM):
        key_cache.get()
