"""Who answers at a host, and which services there are: from memory, or asked by a thread, never by the event loop."""

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

from tenants.contrib.gateway.errors import Refused
from tenants.contrib.services.directory import Services, directory
from tenants.registry.lookup import registry
from tenants.registry.resolver import Resolution, resolve, resolve_from_memory

logger = logging.getLogger(__name__)

T = TypeVar("T")

THREADS = 4
"""That ask the database: so many questions at once, whatever comes in."""
MOST_WAITING = 200
"""Questions that wait for one of them; then requests for hosts that nobody remembers are refused."""
PATIENCE = 5.0
"""Seconds for one answer of the database."""

_NO_ANSWER = (DatabaseError, PoolTimeout, TimeoutError)


class Lookups:
    """Asks registry and directory; a question that is under way is not asked twice, unless something has changed."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="gateway-lookup")
        self.asked = 0
        """How often the database was asked: not at all while nothing changes."""
        self._under_way: dict[object, asyncio.Future[Any]] = {}

    async def resolve(self, host: str, path: str) -> Resolution:
        """Return who answers there; raise `Refused` (503) where the database has to be asked and does not answer."""
        found = resolve_from_memory(host, path)
        if found is not None:
            return found
        try:
            return await self._ask_once(
                (host, *path.split("/", 3)[1:3], registry.generation), partial(resolve, host, path)
            )
        except (DatabaseError, PoolTimeout, TimeoutError) as error:
            logger.warning("The host %s could not be looked up: %r", host, error)
            raise Refused(
                503, "It cannot be looked up at the moment who answers at this host.", kind="lookup-failed",
                headers={"Retry-After": "2"},
            ) from error  # fmt: skip

    async def services(self) -> Services:
        """Return all services; those that were read last, where the database does not answer in time."""
        found = directory.remembered()
        if found is not None:
            return found
        try:
            return await self._ask_once(directory.generation, directory.services)
        except _NO_ANSWER as error:
            refused = _refused("which services there are", error)
            if last := directory.last():
                return last
            raise refused from error

    async def in_time(self, ask: Callable[[], T]) -> T:
        """Return what `ask` returns, which may ask the database; raise `Refused` (503) where that does not answer."""
        try:
            async with asyncio.timeout(PATIENCE):
                return await self.in_thread(ask)
        except _NO_ANSWER as error:
            raise _refused("whose token it is", error) from error

    async def _ask_once(self, question: object, ask: Callable[[], T]) -> T:
        answer: asyncio.Future[T] | None = self._under_way.get(question)
        if answer is None:
            if len(self._under_way) >= MOST_WAITING:
                raise TimeoutError(f"{MOST_WAITING} lookups wait already")
            answer = self._under_way[question] = self.in_thread(ask)
            answer.add_done_callback(partial(self._answered, question))
        # One who leaves does not take the answer from the others.
        async with asyncio.timeout(PATIENCE):
            return await asyncio.shield(answer)

    def _answered(self, question: object, answer: asyncio.Future[Any]) -> None:
        del self._under_way[question]
        if not answer.cancelled():
            answer.exception()  # whoever asked may have left: then nobody else would look at it

    def in_thread(self, function: Callable[[], T]) -> asyncio.Future[T]:
        """Call `function`, which may ask the database, in one of the threads."""
        self.asked += 1
        return asyncio.get_running_loop().run_in_executor(self._threads, _and_hang_up, function)

    def close(self) -> None:
        """Let the threads end."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _refused(what: str, error: Exception) -> Refused:
    logger.warning("It could not be looked up %s: %r", what, error)
    detail = f"It cannot be looked up at the moment {what}."
    return Refused(503, detail, kind="lookup-failed", headers={"Retry-After": "2"})


def _and_hang_up(function: Callable[[], T]) -> T:
    """Give the connection back afterwards: nobody else does it in these threads."""
    try:
        return function()
    finally:
        connection.close()
