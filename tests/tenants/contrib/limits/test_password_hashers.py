"""Limits on password hashing during a flood of logins, on every host, and no effect on other tenants."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher, check_password, identify_hasher, make_password
from django.db import connection, connections, transaction
from django.test import Client, override_settings

from config.settings import PASSWORD_HASHERS
from tenants import TenantInfo, use_tenant
from tenants.context import leave, serve
from tenants.contrib.limits import password_hashers as hashing
from tenants.contrib.limits.errors import HashingBusy
from tenants.contrib.limits.limiter import Slot
from tenants.contrib.limits.password_hashers import MAX_OF_ADDRESS, MAX_OF_TENANT
from tenants.limits import Limits
from tests.settings import TENANTS
from tests.waiting import eventually

go_on = Event()
hashing_now: list[str] = []
most_at_once: list[int] = []


class SlowHasher(MD5PasswordHasher):
    """Hashes for as long as the test wants."""

    def encode(self, password: str, salt: str) -> str:
        hashing_now.append(threading.current_thread().name)
        most_at_once.append(len(hashing_now))
        try:
            assert go_on.wait(180)
            return super().encode(password, salt)
        finally:
            hashing_now.pop()


class BoundedSlowHasher(hashing._Bounded, SlowHasher):
    """The same within the bounds, as the delivered hashers are."""


@pytest.fixture(autouse=True)
def _slow() -> Iterator[None]:
    go_on.clear()
    most_at_once.clear()
    tenants = {**TENANTS, "PLANS": {}, "PLATFORM_LIMITS": {}}
    with override_settings(PASSWORD_HASHERS=[f"{__name__}.BoundedSlowHasher"], TENANTS=tenants):
        yield
    go_on.set()


def in_threads(threads: ThreadPoolExecutor, ask: Callable[[], Any], times: int = 1) -> list[Future[Any]]:
    def asked() -> Any:
        try:
            return ask()
        finally:
            connections.close_all()

    return [threads.submit(asked) for _ in range(times)]


def login(host: str, address: str = "192.0.2.1", path: str = "/admin/login/") -> Any:
    client = Client(HTTP_HOST=host, REMOTE_ADDR=address, raise_request_exception=False)
    return client.post(path, {"username": "ghost", "password": "wrong"})


def slots_of(key: object) -> int:
    bucket = hashing._slots._buckets.get(key)
    return bucket.running if bucket else 0


def are_free(pool: Any) -> bool:
    stats = pool.get_stats()
    return bool(stats.get("pool_size", 0) == stats.get("pool_available", 0))


@pytest.mark.parametrize(
    ("at_platform", "path"),
    [(True, "/admin/login/"), (False, "/admin/login/"), (False, "/oauth/sign-in/"), (False, "/api/token")],
)
def test_a_flood_of_logins_is_bounded_and_holds_no_connection(
    open_shop: Callable[..., TenantInfo], at_platform: bool, path: str
) -> None:
    """Fault 28: a burst of logins takes three slots of its host, no connection, and no page of another shop."""
    flooded, other = open_shop(), open_shop()
    host = "localhost" if at_platform else flooded.host
    addresses = iter(f"198.51.100.{number}" for number in range(1, 100))
    connections.close_all()
    with ThreadPoolExecutor(20) as threads:
        waiting = in_threads(threads, lambda: login(host, next(addresses), path), MAX_OF_TENANT)
        assert eventually(
            lambda: hashing_now and slots_of(("tenant", 0 if at_platform else flooded.id)) == MAX_OF_TENANT
        )
        assert eventually(lambda: are_free(connection.pool)), "a login that hashes or waits for it has no connection"
        more = in_threads(threads, lambda: login(host, next(addresses), path), 6)
        for refused in (one.result(180) for one in more):
            assert (refused.status_code, refused["Retry-After"], refused["Cache-Control"]) == (503, "2", "no-store")
        page = in_threads(threads, lambda: Client(HTTP_HOST=other.host).get("/"))[0]
        assert page.result(180).status_code == 200
        go_on.set()
        assert {one.result(180).status_code for one in waiting} <= {200, 401}
    assert max(most_at_once) <= hashing.MAX_HASHING
    assert login(host, "198.51.100.99", path).status_code in {200, 401}


def test_one_address_is_refused_where_others_may_still_sign_in(open_shop: Callable[..., TenantInfo]) -> None:
    """Fault 28: what one address may have hashed at once is bounded over all hosts together."""
    first, second = open_shop(), open_shop()
    connections.close_all()
    with ThreadPoolExecutor(20) as threads:
        waiting = in_threads(threads, lambda: login(first.host), MAX_OF_ADDRESS)
        assert eventually(lambda: slots_of(("address", "192.0.2.1")) == MAX_OF_ADDRESS)
        assert in_threads(threads, lambda: login(second.host))[0].result(180).status_code == 503
        waiting += in_threads(threads, lambda: login(second.host, "192.0.2.2"))
        assert eventually(lambda: slots_of(("tenant", second.id)))
        go_on.set()
        assert [one.result(180).status_code for one in waiting] == [200] * 3


def test_a_hash_outside_a_login_is_bounded_in_requests_alone(live_tenant: TenantInfo) -> None:
    """Fault 28: a hash outside a slot during a request is counted for its tenant."""
    go_on.set()
    taken = [hashing._slots.acquire_as(("tenant", live_tenant.id), Limits(concurrency=MAX_OF_TENANT)) for _ in range(3)]
    with use_tenant(live_tenant):
        assert check_password("secret", make_password("secret")), "a command hashes without a bound"
    block = serve(live_tenant, None)
    try:
        with pytest.raises(HashingBusy, match=f"for {live_tenant.slug}"):
            make_password("secret")
        for slot in taken:
            assert isinstance(slot, Slot)
            slot.release()
        assert make_password("secret")
    finally:
        leave(block)


def test_a_hash_inside_a_transaction_keeps_its_connection(live_tenant: TenantInfo) -> None:
    go_on.set()
    with use_tenant(live_tenant), transaction.atomic():
        connection.ensure_connection()
        before = connection.connection
        hashing._release_connections()
        assert connection.connection is before
    hashing._release_connections()
    assert connection.connection is None


def test_the_delivered_hashers_all_hash_within_the_bounds() -> None:
    """Fault 28: each hasher of the settings is Django's own with the bounds around it, old hashes included."""
    with override_settings(PASSWORD_HASHERS=PASSWORD_HASHERS):
        for algorithm in ("argon2", "pbkdf2_sha256", "pbkdf2_sha1", "scrypt"):
            kept = make_password("secret", hasher=algorithm)
            assert isinstance(identify_hasher(kept), hashing._Bounded)
            assert check_password("secret", kept)
            assert not check_password("wrong", kept)


@pytest.mark.skipif(not hasattr(os, "getpriority"), reason="this system knows no nice values")
def test_the_threads_that_hash_let_pages_go_first() -> None:
    nice = hashing._pool.submit(lambda: os.getpriority(os.PRIO_PROCESS, threading.get_native_id())).result(180)
    assert nice == min(19, os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) + 19)
