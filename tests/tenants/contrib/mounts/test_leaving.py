"""A client that disconnects from a mounted application under ASGI leaves no state behind."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import override_settings

from tenants import PLATFORM, TenantInfo, use_tenant
from tenants.contrib.limits.asgi import ASGIHandler
from tenants.contrib.limits.limiter import limiter
from tenants.contrib.mounts.app_cache import app_cache
from tenants.contrib.mounts.call_limits import running_calls
from tenants.contrib.mounts.models import Mount
from tenants.registry.lookup import registry
from tests.isolation.test_asgi import Request
from tests.settings import TENANTS
from tests.tenants.contrib.mounts import unruly
from tests.waiting import eventually

MOUNTS = {name: f"tests.tenants.contrib.mounts.unruly.{name}" for name in ("wsgi", "asgi")}


@pytest.fixture(autouse=True)
def _unruly(_factories: None) -> Iterator[None]:
    unruly.released.clear()
    yield
    unruly.released.set()


@contextmanager
def limit_of(seconds: float) -> Iterator[None]:
    """Mount with that time limit, and close everything afterwards, also running calls."""
    with override_settings(TENANTS={**TENANTS, "MOUNTS": MOUNTS, "MOUNTS_SECONDS": seconds}):
        yield
        for one in list(app_cache._apps.values()):
            if one.application is not None:
                one.application.close()


@pytest.fixture
def shop(open_shop: Callable[..., TenantInfo]) -> TenantInfo:
    shop = open_shop(owner_email="owner@left.example")
    with use_tenant(PLATFORM):
        for app in MOUNTS:
            Mount.objects.create(tenant_id=shop.id, app=app, path=app, is_for_staff=False)
    registry.clear()
    return shop


async def is_so(condition: Callable[[], bool]) -> bool:
    for _ in range(1_200):
        if condition():
            return True
        await asyncio.sleep(0.05)
    return False


async def leave(shop: TenantInfo, path: str, *, after_first: bool) -> None:
    request = Request(host=shop.host.encode(), path=path)
    serving = asyncio.create_task(request.go(ASGIHandler()))
    if after_first:
        await asyncio.wait_for(request.first_chunk.wait(), 60)
    else:
        assert await is_so(lambda: running_calls.count(shop) == 1 and built_of(shop).application is not None)
    request.gone.set()
    await asyncio.wait_for(serving, 60)


def built_of(shop: TenantInfo) -> Any:
    return next((one for one in app_cache._apps.values() if one.tenant.id == shop.id), SimpleNamespace(
        application=None
    ))  # fmt: skip


def places_taken(shop: TenantInfo) -> int:
    bucket = limiter._buckets.get(shop.id)
    return bucket.running if bucket else 0


@pytest.mark.parametrize("kind", ["wsgi", "asgi"])
@pytest.mark.parametrize("path", ["hang", "stall"])
def test_client_who_leaves_mount_holds_no_place_of_shop(shop: TenantInfo, kind: str, path: str) -> None:
    """Fault 54: the thread that waited is let go at once, and not when the application is done."""
    with limit_of(90.0):
        asyncio.run(leave(shop, f"/{kind}/{path}", after_first=path == "stall"))
        assert eventually(lambda: not places_taken(shop))
        assert running_calls.count(shop) == 1  # the application is at it yet


@pytest.mark.parametrize("kind", ["wsgi", "asgi"])
@pytest.mark.parametrize("path", ["hang", "stall"])
def test_client_who_leaves_mount_leaks_nothing(
    shop: TenantInfo, kind: str, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Fault 54: the application counts as in use no more, and is closed when it leaves."""
    caplog.set_level(logging.ERROR)
    with limit_of(2.0):
        for _ in range(3):
            asyncio.run(leave(shop, f"/{kind}/{path}", after_first=path == "stall"))
            unruly.released.set()  # nothing stops a thread that waits
            assert eventually(lambda: not running_calls.count(shop))
            unruly.released.clear()
        one = built_of(shop)
        assert eventually(lambda: not one._users)
        app_cache.retire(shop.id)
    assert eventually(lambda: kind == "wsgi" or not one.application.is_alive)
    gc.collect()
    assert "destroyed" not in caplog.text
    assert "different Context" not in caplog.text
