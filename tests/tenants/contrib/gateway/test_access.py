"""Tokens at the gateway: verified from memory, and invalid for another shop."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User

from tenants import PLATFORM, TenantInfo, use_tenant
from tenants.contrib.oauth.api_keys import create_api_key, revoke_api_key
from tenants.contrib.oauth.key_cache import key_cache
from tenants.contrib.oauth.models import Application
from tenants.contrib.oauth.tokens import create_access_token
from tenants.contrib.observability.principal import Principal
from tenants.contrib.services.identity import HEADER, verify
from tenants.contrib.services.keys import service_keys
from tenants.lifecycle import sign_out_tenant
from tenants.models import Tenant
from tests.tenants.contrib.gateway.conftest import Front, Reply
from tests.tenants.contrib.gateway.upstreams import Telling
from tests.waiting import eventually


@pytest.fixture(autouse=True)
def _forget_rings() -> Iterator[None]:
    yield
    key_cache.clear()


def principal(reply: Reply) -> Principal:
    return verify(reply.received[HEADER.lower()], service="telling", keys=service_keys("telling")).principal


def token_of(tenant: TenantInfo, scopes: str = "goods:read", **facts: Any) -> str:
    with use_tenant(tenant):
        row = Application(
            name="Bookkeeping", client_type=Application.CLIENT_CONFIDENTIAL,
            authorization_grant_type=Application.GRANT_CLIENT_CREDENTIALS, scopes=scopes,
        )  # fmt: skip
        row.renew_secret()
        row.save()
        order = {"client_id": row.client_id, "user_id": "7", "lifetime": timedelta(minutes=5), **facts}
        return create_access_token(uuid.uuid4(), scopes=scopes.split(), **order)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_whom_a_token_acts_for_reaches_the_service_and_the_token_does_not(
    front: Front, live_tenant: TenantInfo
) -> None:
    front.behind(Telling())
    reply = front.ask(live_tenant, **bearer(token_of(live_tenant, "goods:read goods:write")))
    assert reply.status == 200
    found = principal(reply)
    assert (found.user, found.scopes) == ("7", {"goods:read", "goods:write"})
    assert found.client
    assert "authorization" not in reply.received


def test_a_token_of_another_shop_is_401_with_the_reason(front: Front, open_shop: Callable[..., TenantInfo]) -> None:
    mine, other = open_shop(), open_shop()
    telling = Telling()
    front.behind(telling)
    reply = front.ask(other, **bearer(token_of(mine)))
    assert reply.status == 401
    assert 'error="invalid_token"' in reply.headers["WWW-Authenticate"]
    assert "another shop" in reply.json["detail"]
    assert telling.asked == 0


@pytest.mark.parametrize("token", ["a.b.c", "x" * 6_000 + ".b.c", "sangga_key_made-up", "sangga_key_ä", "..", "ä.b.c"])
def test_what_is_no_token_is_401(front: Front, live_tenant: TenantInfo, token: str) -> None:
    front.behind(Telling())
    reply = front.ask(live_tenant, **bearer(token))
    assert reply.status == 401


def test_an_expired_token_is_401(front: Front, live_tenant: TenantInfo) -> None:
    front.behind(Telling())
    reply = front.ask(live_tenant, **bearer(token_of(live_tenant, lifetime=timedelta(seconds=-1))))
    assert (reply.status, reply.json["detail"]) == (401, "Token expired.")


def test_signing_everybody_out_voids_tokens_at_the_gateway(front: Front, live_tenant: TenantInfo) -> None:
    front.behind(Telling())
    token = token_of(live_tenant)
    assert front.ask(live_tenant, **bearer(token)).status == 200
    sign_out_tenant(live_tenant.slug)
    assert eventually(lambda: front.ask(live_tenant, **bearer(token)).status == 401)


def test_a_scope_is_asked_for_before_the_service_is(front: Front, live_tenant: TenantInfo) -> None:
    telling = Telling()
    front.behind(telling, scopes="goods:read orders:read")
    stranger = front.ask(live_tenant)
    assert (stranger.status, stranger.headers["WWW-Authenticate"]) == (401, "Bearer")
    short = front.ask(live_tenant, **bearer(token_of(live_tenant)))
    assert short.status == 403
    assert 'scope="orders:read"' in short.headers["WWW-Authenticate"]
    assert telling.asked == 0
    assert front.ask(live_tenant, **bearer(token_of(live_tenant, "goods:read orders:read"))).status == 200


def test_a_warm_token_asks_no_database(front: Front, live_tenant: TenantInfo) -> None:
    front.behind(Telling())
    token = token_of(live_tenant)

    def is_quiet() -> bool:  # as soon as the last notification has arrived
        before = front.gateway.lookup.query_count
        assert [front.ask(live_tenant, **bearer(token)).status for _ in range(5)] == [200] * 5
        return before == front.gateway.lookup.query_count

    assert eventually(is_quiet)


def test_an_api_key_is_told_too_until_it_is_revoked(front: Front, live_tenant: TenantInfo) -> None:
    front.behind(Telling(), scopes="goods:read")
    with use_tenant(live_tenant):
        user = User.objects.create_user("script")
        row = create_api_key(user, "nightly", ["goods:read"])
    key = row.shown_once
    reply = front.ask(live_tenant, **bearer(key))
    assert (principal(reply).user, principal(reply).client) == (str(user.pk), "nightly")
    with use_tenant(live_tenant):
        revoke_api_key(row)
    assert eventually(lambda: front.ask(live_tenant, **bearer(key)).status == 401)


def test_api_key_of_a_deactivated_user_stays_invalid_after_reactivation(front: Front, live_tenant: TenantInfo) -> None:
    telling = Telling()
    front.behind(telling)
    with use_tenant(live_tenant):
        user = User.objects.create_user("script")
        key = create_api_key(user, "nightly", ["goods:read"]).shown_once
    assert front.ask(live_tenant, **bearer(key)).status == 200
    for is_active in (False, True):
        with use_tenant(live_tenant):
            user.is_active = is_active
            user.save()
        assert eventually(lambda: front.ask(live_tenant, **bearer(key)).status == 401)
    with use_tenant(live_tenant):
        new = create_api_key(user, "nightly", ["goods:read"]).shown_once
    assert front.ask(live_tenant, **bearer(new)).status == 200


def test_the_api_key_of_a_user_whom_sql_switched_off_is_not_looked_up(front: Front, live_tenant: TenantInfo) -> None:
    """No signal was sent, so the key itself is valid."""
    telling = Telling()
    front.behind(telling)
    with use_tenant(live_tenant):
        user = User.objects.create_user("script")
        key = create_api_key(user, "nightly", ["goods:read"]).shown_once
        User.objects.filter(pk=user.pk).update(is_active=False)
    reply = front.ask(live_tenant, **bearer(key))
    assert (reply.status, telling.asked) == (401, 0)
    assert "inactive" in reply.json["detail"]


def test_a_token_of_another_kind_is_for_the_service_to_tell(front: Front, live_tenant: TenantInfo) -> None:
    front.behind(Telling(), runs_sangga=True)
    reply = front.ask(live_tenant, **bearer("opaque"))
    assert reply.received["authorization"] == "Bearer opaque"
    assert not principal(reply).is_authenticated


def test_a_tenant_beyond_its_plan_is_429_and_the_next_one_is_not(
    front: Front, open_shop: Callable[..., TenantInfo], settings: Any
) -> None:
    noisy, quiet = open_shop(), open_shop()
    front.behind(Telling())
    with use_tenant(PLATFORM):
        Tenant.objects.filter(pk=noisy.id).update(max_rate=1, max_burst=1)
    settings.TENANTS = {**settings.TENANTS, "GATEWAY_LIMITS_FACTOR": 1}
    refused: list[Reply] = []

    def is_refused() -> bool:
        reply = front.ask(noisy)
        refused.append(reply)
        return reply.status == 429

    assert eventually(is_refused, seconds=50)  # sooner than what it remembers is over
    assert int(refused[-1].headers["Retry-After"]) >= 1
    assert refused[-1].json["type"] == "urn:sangga:problem:too-many-requests"
    assert front.ask(quiet).status == 200


def test_limits_of_a_plan_are_told_in_one_place(live_tenant: TenantInfo) -> None:
    from tenants.contrib.gateway.limits import multiply

    limits = replace(live_tenant.limits, concurrency=2, queue=3, rate=5, burst=7)
    assert (multiply(limits, 10).concurrency, multiply(limits, 10).rate) == (20, 50)
    assert (multiply(limits, 10, 1).concurrency, multiply(limits, 10, 1).rate) == (1, 50)
    assert multiply(limits, 10, 99).concurrency == 20, "concurrency is a maximum, and never raises a limit"
    unlimited = replace(limits, concurrency=0)
    assert multiply(unlimited, 10, 1).concurrency == 0, "who has no limit gets none"
