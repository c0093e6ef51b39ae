"""The worker: takes operations from the queue and does them, until it is told to end."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, cast

import psycopg
from asgiref.sync import sync_to_async
from django.db import DatabaseError, connection
from django.utils import timezone
from procrastinate import App, JobContext, PsycopgConnector
from procrastinate.contrib.django import DjangoApp
from procrastinate.contrib.django.models import ProcrastinateJob
from procrastinate.exceptions import ProcrastinateException
from psycopg import sql

from tenants.context import PLATFORM, use_tenant
from tenants.errors import ConfigurationError
from tenants.postgresql.clock import database_now
from tenants.postgresql.connection_watch import close_connections, leftovers_rolled_back
from tenants.tasks.isolated_process import ProcessEnded, run_alone
from tenants.tasks.queue import FORMER_TASK, TASK, is_alone, queues
from tenants.tasks.recovery import LostAndFound
from tenants.tasks.run import run_operation
from tenants.tasks.tenant_jobs import RETRIES, JobFailed, run_job
from tenants.tasks.tenant_jobs import TASK as TENANT_TASK

if TYPE_CHECKING:
    from tenants.postgresql.base import DatabaseWrapper

logger = logging.getLogger(__name__)

_SECONDS_BETWEEN_LOOKS = 2.0
"""How often a worker looks for operations that another one left."""
_SECONDS_BETWEEN_POLLS = 2.0
"""How often a worker asks for jobs of which it has not heard: those that are put back are not announced."""
_SECONDS_UNTIL_FORGOTTEN = 600.0
"""How long a worker is known that does not show itself any more."""
_HOURS_KEPT = 7 * 24
"""How long jobs stay in the queue that have failed."""
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


def do_alone(job_id: int, parent: int) -> None:
    """Do what one job in the queue is about, in this process; end it with the process `parent`."""
    ending = Event()
    signal.signal(signal.SIGTERM, lambda *_: ending.set())
    Thread(target=_end_with, args=[parent], daemon=True).start()
    with use_tenant(PLATFORM):
        task, arguments = ProcrastinateJob.objects.values_list("task_name", "args").get(pk=job_id)
    if task == TENANT_TASK:
        run_job(**arguments)
    else:
        run_operation(arguments["operation"], ending.is_set)


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


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
        await app.job_manager.delete_old_jobs(
            nb_hours=_HOURS_KEPT, include_failed=True, include_cancelled=True, include_aborted=True
        )
        worker = asyncio.create_task(
            app.run_worker_async(
                queues=queues(),
                concurrency=options.concurrency,
                fetch_job_polling_interval=_SECONDS_BETWEEN_POLLS,
                shutdown_graceful_timeout=options.grace,
                install_signal_handlers=False,
                delete_jobs="successful",
                # Its own way to forget workers: later than what they had is put back, for which they have to be known.
                stalled_worker_timeout=_SECONDS_UNTIL_FORGOTTEN,
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
    app.task(name=TASK, aliases=[FORMER_TASK], pass_context=True)(_run)
    app.task(name=TENANT_TASK, retry=RETRIES, pass_context=True)(_run_job)
    return app


async def _look_at_public(owner: str, session: psycopg.AsyncConnection[Any]) -> None:
    """Let a connection of the worker find the queue's tables and functions, which it does not qualify."""
    await session.execute("SET search_path = public")
    if owner:
        await session.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(owner)))
    await session.commit()


def _run(context: JobContext, *, operation: int) -> None:
    if not _is_alone(context):
        with leftovers_rolled_back(f"the operation {operation}"):
            run_operation(operation, context.should_abort)
        return
    try:
        run_alone(cast(int, context.job.id), context.should_abort)
    except ProcessEnded as error:
        # Its row says that it was begun; `LostAndFound` puts it back, or it is given up.
        logger.error("The process of operation %s ended before it was done: %s", operation, error)


def _run_job(context: JobContext, /, **envelope: Any) -> None:
    try:
        if _is_alone(context):
            run_alone(cast(int, context.job.id))
        else:
            run_job(**envelope)
    except BaseException as error:
        # Whatever is raised is the job's: an exit of the program's would be the worker's.
        raise JobFailed(f"{type(error).__name__}: {error}", _now()) from error
    finally:
        close_connections()


def _is_alone(context: JobContext) -> bool:
    return is_alone(context.job.queue)


def _now() -> datetime:
    try:
        return database_now()
    except DatabaseError:  # it is away, and so the queue is
        return timezone.now()


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
