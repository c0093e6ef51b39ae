"""Limits on WebSockets of strangers at a mounted ASGI application."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tenants import PLATFORM, TenantInfo, use_tenant
from tenants.contrib.limits.asgi import ASGIHandler
from tenants.contrib.mounts.models import Mount
from tenants.contrib.mounts.websocket_mounts import WebSocketMounts
from tenants.registry.lookup import registry
from tests.tenants.contrib.mounts.test_asgi import Socket


@pytest.fixture
def shop(open_shop: Callable[..., TenantInfo]) -> TenantInfo:
    shop = open_shop(owner_email="owner@mounted.example")
    with use_tenant(PLATFORM):
        Mount.objects.create(tenant_id=shop.id, app="asgi_app", path="live", is_for_staff=False)
    registry.clear()
    return shop


class Staying:
    """A WebSocket that stays open until it is let go."""

    def __init__(self, shop: TenantInfo, address: str) -> None:
        self.scope: dict[str, Any] = Socket(shop.host, "/live/x").scope | {"client": (address, 1)}
        self.heard: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.says: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.says.put_nowait({"type": "websocket.connect"})
        self._serving = asyncio.create_task(WebSocketMounts(ASGIHandler())(self.scope, self.says.get, self.heard.put))

    async def first_word(self) -> str:
        return str((await self.heard.get())["type"])

    async def go(self) -> None:
        self.says.put_nowait({"type": "websocket.disconnect", "code": 1000})
        await self._serving


@pytest.mark.parametrize(("bound", "second"), [("ADDRESS_SOCKETS", "192.0.2.1"), ("TENANT_SOCKETS", "192.0.2.2")])
def test_websockets_of_a_mount_are_bounded_by_address_and_by_tenant(
    shop: TenantInfo, settings: Any, bound: str, second: str
) -> None:
    """Fault 59: one stranger had 600 WebSockets open, straight at the ASGI server as well."""
    settings.TENANTS = {**settings.TENANTS, bound: 2}

    async def main() -> None:
        first, again = Staying(shop, "192.0.2.1"), Staying(shop, "192.0.2.1")
        assert [await one.first_word() for one in (first, again)] == ["websocket.accept"] * 2
        refused = Staying(shop, second)
        assert await refused.first_word() == "websocket.close"
        if bound == "ADDRESS_SOCKETS":
            other = Staying(shop, "192.0.2.99")
            assert await other.first_word() == "websocket.accept"
            await other.go()
        await first.go()
        free = Staying(shop, second)
        assert await free.first_word() == "websocket.accept"
        for one in (again, free):
            await one.go()

    asyncio.run(main())


def test_a_websocket_takes_a_place_while_its_visitor_is_looked_up(shop: TenantInfo, settings: Any) -> None:
    """Fault 59: a flood of handshakes is counted as requests are."""
    settings.TENANTS = {**settings.TENANTS, "PLANS": {"standard": {"RATE": 1, "BURST": 1}}}
    statuses = []
    for _ in range(20):
        statuses.append(asyncio.run(Socket(shop.host, "/live/x").say("one"))[0]["type"])
        if "websocket.close" in statuses:
            break
    assert statuses[0] == "websocket.accept"
    assert statuses[-1] == "websocket.close"
