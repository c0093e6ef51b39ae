"""An unreachable database: the settings of all threads name a port at which nothing listens."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection, connections

from tenants.registry.lookup import registry

PASSWORD = "hunter2-never-shown"


@contextmanager
def database_away(*, pool: dict[str, Any] | None = None) -> Iterator[None]:
    """Make the database unreachable inside the block. Without a pool, each connection is a separate attempt."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and never listening
        port = str(taken.getsockname()[1])
        with database_elsewhere(pool=pool, HOST="127.0.0.1", PORT=port, USER="kim", PASSWORD=PASSWORD):
            yield


@contextmanager
def database_elsewhere(*, pool: dict[str, Any] | None = None, **changed: Any) -> Iterator[None]:
    """Make the settings of all threads name another database, not the embedded server's, inside the block."""
    connection.close()
    pools = connection._connection_pools
    kept_pool = pools.pop("default", None)
    both = [connection.settings_dict, connections.settings["default"]]
    kept = [dict(settings) for settings in both]
    options = {key: value for key, value in both[0]["OPTIONS"].items() if key != "embedded"}
    for settings in both:
        settings.update(**changed, OPTIONS={**options, "pool": pool or False})
    try:
        registry.clear()
        yield
    finally:
        connection.close()
        if left := pools.pop("default", None):
            left.close()
        for settings, before in zip(both, kept, strict=True):
            settings.clear()
            settings.update(before)
        if kept_pool is not None:
            pools["default"] = kept_pool
        registry.clear()
