"""Asynchronous lookup of hosts, services and tokens: from memory, else by a few threads that query the database."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from django.db import Error as DatabaseError
from django.db import connection
from psycopg_pool import PoolTimeout

from tenants.contrib.gateway.errors import GatewayError
from tenants.contrib.services.registry import RegisteredServices, service_registry
from tenants.http.path_prefix import path_to_route
from tenants.registry.lookup import registry
from tenants.registry.resolver import Resolution, resolve, resolve_from_memory

logger = logging.getLogger(__name__)

T = TypeVar("T")

THREADS = 4
"""Number of threads that query the database."""
MAX_PENDING = 200
"""Lookups that wait for a thread; beyond that, requests for unknown hosts are refused."""
TIMEOUT = 5.0
"""Seconds for one lookup."""

_DATABASE_ERRORS = (DatabaseError, PoolTimeout, TimeoutError)


class AsyncLookup:
    """Queries registry and directory. Concurrent lookups of the same key share one query, until something changes."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="gateway-lookup")
        self.query_count = 0
        """Calls that went to a thread: none while nothing changes."""
        self._pending: dict[object, asyncio.Future[Any]] = {}

    async def resolve(self, host: str, path: str) -> Resolution:
        """Return the tenant at a host and path; raise `GatewayError` (503) if the database does not answer."""
        path = path_to_route(path)
        found = resolve_from_memory(host, path)
        if found is not None:
            return found
        key = (host, *path.split("/", 3)[1:3], registry.generation)
        try:
            return await self._query_once(key, partial(resolve, host, path))
        except _DATABASE_ERRORS as error:
            raise _failed("host", error) from error

    async def services(self) -> RegisteredServices:
        """Return all services; the last known ones if the database does not answer."""
        found = service_registry.get_cached()
        if found is not None:
            return found
        try:
            return await self._query_once(service_registry.generation, service_registry.get)
        except _DATABASE_ERRORS as error:
            failed = _failed("list of services", error)
            if last := service_registry.get_stale():
                return last
            raise failed from error

    async def run(self, query: Callable[[], T]) -> T:
        """Return the result of `query`, called in a thread; raise `GatewayError` (503) if the database fails."""
        try:
            async with asyncio.timeout(TIMEOUT):
                return await self.in_thread(query)
        except _DATABASE_ERRORS as error:
            raise _failed("token", error) from error

    async def _query_once(self, key: object, query: Callable[[], T]) -> T:
        future: asyncio.Future[T] | None = self._pending.get(key)
        if future is None:
            if len(self._pending) >= MAX_PENDING:
                raise TimeoutError(f"{MAX_PENDING} lookups are pending")
            future = self._pending[key] = self.in_thread(query)
            future.add_done_callback(partial(self._finish, key))
        # A client that leaves must not cancel the query of the others.
        async with asyncio.timeout(TIMEOUT):
            return await asyncio.shield(future)

    def _finish(self, key: object, future: asyncio.Future[Any]) -> None:
        del self._pending[key]
        if not future.cancelled():
            future.exception()  # marks it as retrieved: all clients may have left

    def in_thread(self, function: Callable[[], T]) -> asyncio.Future[T]:
        """Call `function`, which may query the database, in one of the threads."""
        self.query_count += 1
        return asyncio.get_running_loop().run_in_executor(self._threads, _closing_connection, function)

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


def _failed(what: str, error: Exception) -> GatewayError:
    logger.warning("Lookup of the %s failed: %r", what, error)
    detail = f"The {what} could not be looked up. Try again in a moment."
    return GatewayError(503, detail, kind="lookup-failed", headers={"Retry-After": "2"})


def _closing_connection(function: Callable[[], T]) -> T:
    try:
        return function()
    finally:
        connection.close()  # Django closes those of requests only
