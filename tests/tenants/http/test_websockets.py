"""The end of WebSockets while the database cannot be reached."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import connection
from django.test import RequestFactory

from tenants import TenantInfo
from tenants.errors import DatabaseUnavailable
from tenants.http import websockets
from tenants.registry.lookup import registry


def test_a_websocket_stays_open_while_the_database_is_unavailable(
    open_shop: Callable[..., TenantInfo], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = open_shop()
    request = RequestFactory().get("/room/", headers={"Host": shop.host})
    not_a_folder = tmp_path / "file"
    not_a_folder.touch()
    monkeypatch.setattr(websockets, "RECHECK_SECONDS", 0.05)

    async def wait() -> None:
        waiting = asyncio.create_task(websockets.wait_until_disallowed(request, shop, lambda now: False))
        with monkeypatch.context() as patch:
            patch.setitem(connection.settings_dict, "HOST", "")
            patch.setitem(connection.settings_dict["OPTIONS"], "embedded", str(not_a_folder / "data"))
            registry.clear()
            with pytest.raises(DatabaseUnavailable):
                await websockets.look_up(shop.host, "/room/")
            await asyncio.wait({waiting}, timeout=0.5)
            assert not waiting.done()
        async with asyncio.timeout(60):
            await waiting

    asyncio.run(wait())
