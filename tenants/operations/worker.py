"""The worker: takes operations from the queue and does them, until it is told to end."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import psycopg
from asgiref.sync import sync_to_async
from django.db import DatabaseError, connection
from procrastinate import App, JobContext, PsycopgConnector
from procrastinate.contrib.django import DjangoApp
from procrastinate.exceptions import ProcrastinateException
from psycopg import sql

from tenants.errors import ConfigurationError
from tenants.jobs import RETRIES, run_job
from tenants.jobs import TASK as TENANT_TASK
from tenants.leftovers import close_connections, nothing_left
from tenants.operations.lost import LostAndFound
from tenants.operations.queue import TASK
from tenants.operations.run import run_operation

if TYPE_CHECKING:
    from tenants.postgresql.base import DatabaseWrapper

logger = logging.getLogger(__name__)

_SECONDS_BETWEEN_LOOKS = 2.0
"""How often a worker looks for operations that another one left."""
_SECONDS_BETWEEN_POLLS = 2.0
"""How often a worker asks for jobs of which it has not heard: those that are put back are not announced."""
_SECONDS_BEFORE_RETRY = 1.0
"""How long a worker waits when the database cannot be reached."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerOptions:
    """How a worker goes about its work."""

    concurrency: int = 2
    """How many operations are done at once; each takes a thread and two connections or more."""
    grace: float = 10.0
    """Seconds that an operation in hand has to be finished in when the worker is told to end."""
    parent: int = 0
    """The process without which this one ends as well; 0: none."""


def run_worker(options: WorkerOptions) -> None:
    """Do operations until SIGTERM or Ctrl-C: then finish what is in hand, or lay it down for the next worker.

    Raises `ConfigurationError` if the control plane is not migrated.
    """
    asyncio.run(_work(options))


async def _work(options: WorkerOptions) -> None:
    ending = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ending.set)
    beside = [asyncio.create_task(_look_for_lost(ending)), asyncio.create_task(_watch(options.parent, ending))]
    try:
        while not ending.is_set():
            try:
                await _serve(options, ending)
            except (ProcrastinateException, psycopg.Error) as error:
                logger.warning("The queue cannot be reached, trying again in %s s: %s", _SECONDS_BEFORE_RETRY, error)
            await _sleep(_SECONDS_BEFORE_RETRY, ending)
    finally:
        ending.set()
        await asyncio.gather(*beside)


async def _serve(options: WorkerOptions, ending: asyncio.Event) -> None:
    """Work until it is time to end, or until the worker has ended because it lost the database."""
    app = await sync_to_async(_make_app)()
    async with app.open_async():
        if not await app.check_connection_async():
            raise ConfigurationError("The control plane has no queue yet. Run: manage.py migrate")
        worker = asyncio.create_task(
            app.run_worker_async(
                concurrency=options.concurrency,
                fetch_job_polling_interval=_SECONDS_BETWEEN_POLLS,
                shutdown_graceful_timeout=options.grace,
                install_signal_handlers=False,
                delete_jobs="always",
            )
        )
        end = asyncio.create_task(ending.wait())
        await asyncio.wait([worker, end], return_when=asyncio.FIRST_COMPLETED)
        end.cancel()
        worker.cancel()  # tells it to end in order
        with suppress(asyncio.CancelledError):
            await worker


def _make_app() -> App:
    """Return an app with connections of its own: the worker waits on them in an event loop, and Django cannot."""
    wrapper = cast("DatabaseWrapper", connection)
    params = wrapper.direct_params()
    for key in ("context", "cursor_factory"):
        params.pop(key, None)
    connector = PsycopgConnector(
        kwargs=params, configure=partial(_look_at_public, wrapper.owner_role), min_size=1, max_size=4
    )
    app = DjangoApp(connector=connector)
    app.task(name=TASK, pass_context=True)(_run)
    app.task(name=TENANT_TASK, retry=RETRIES)(_run_job)
    return app


async def _look_at_public(owner: str, session: psycopg.AsyncConnection[Any]) -> None:
    """Let a connection of the worker find the queue's tables and functions, which it does not qualify."""
    await session.execute("SET search_path = public")
    if owner:
        await session.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(owner)))
    await session.commit()


def _run(context: JobContext, *, operation: int) -> None:
    with nothing_left(f"the operation {operation}"):
        run_operation(operation, context.should_abort)


def _run_job(**envelope: Any) -> None:
    try:
        run_job(**envelope)
    finally:
        close_connections()


async def _look_for_lost(ending: asyncio.Event) -> None:
    lost_and_found = LostAndFound()
    while not ending.is_set():
        try:
            await sync_to_async(_look)(lost_and_found)
        except DatabaseError as error:
            logger.warning("Operations without a worker could not be looked for: %s", error)
        await _sleep(_SECONDS_BETWEEN_LOOKS, ending)


def _look(lost_and_found: LostAndFound) -> None:
    try:
        lost_and_found.look()
    finally:
        connection.close()


async def _watch(parent: int, ending: asyncio.Event) -> None:
    while parent and not ending.is_set():
        if os.getppid() != parent:
            ending.set()
        await _sleep(1.0, ending)


async def _sleep(seconds: float, ending: asyncio.Event) -> None:
    with suppress(asyncio.TimeoutError):
        await asyncio.wait_for(ending.wait(), seconds)
