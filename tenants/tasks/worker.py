"""Worker process: runs operations and jobs from the queue until SIGTERM or Ctrl-C."""

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
from tenants.tasks.isolated_process import ProcessEnded, run_isolated
from tenants.tasks.queue import FORMER_TASK, TASK, is_isolated, queues
from tenants.tasks.recovery import StalledTaskRecovery
from tenants.tasks.retries import RETRIES, JobFailed
from tenants.tasks.run import run_operation
from tenants.tasks.tenant_jobs import TASK as TENANT_TASK
from tenants.tasks.tenant_jobs import run_job

if TYPE_CHECKING:
    from tenants.postgresql.base import DatabaseWrapper

logger = logging.getLogger(__name__)

_SECONDS_BETWEEN_RECOVERIES = 2.0
"""How often a worker looks for stalled operations."""
_SECONDS_BETWEEN_POLLS = 2.0
"""How often a worker polls for jobs: PostgreSQL sends no NOTIFY for a job that is queued again."""
_SECONDS_UNTIL_FORGOTTEN = 600.0
"""How long a worker without heartbeats is remembered."""
_HOURS_KEPT = 7 * 24
"""How long failed jobs are kept."""
_SECONDS_BEFORE_RETRY = 1.0
"""The wait after the database could not be reached."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerOptions:
    concurrency: int = 2
    """The number of concurrent operations, each with a thread and at least two connections."""
    grace: float = 10.0
    """Seconds for a running operation to finish when the worker has to end."""
    parent: int = 0
    """The process with which this one ends; 0: none."""


def run_one_job(job_id: int, parent: int) -> None:
    """Run one job of the queue in this process, which ends with the process `parent`."""
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
    """Run operations until SIGTERM or Ctrl-C, then finish the running ones or leave them to the next worker.

    Raises `ConfigurationError` if the control plane is not migrated.
    """
    asyncio.run(_run_until_stopped(options))


async def _run_until_stopped(options: WorkerOptions) -> None:
    ending = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ending.set)
    background = [asyncio.create_task(_recover_stalled(ending)), asyncio.create_task(_watch(options.parent, ending))]
    try:
        while not ending.is_set():
            try:
                await _serve(options, ending)
            except (ProcrastinateException, psycopg.Error) as error:
                logger.warning("Queue not reachable, retrying in %s s: %s", _SECONDS_BEFORE_RETRY, error)
            await _sleep(_SECONDS_BEFORE_RETRY, ending)
    finally:
        ending.set()
        await asyncio.gather(*background)


async def _serve(options: WorkerOptions, ending: asyncio.Event) -> None:
    """Run a worker until it has to end, or has lost the database."""
    app = await sync_to_async(_make_app)()
    async with app.open_async():
        if not await app.check_connection_async():
            raise ConfigurationError("The control plane has no tables for the queue. Run: manage.py migrate")
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
                # After our own recovery, which needs the workers' rows.
                stalled_worker_timeout=_SECONDS_UNTIL_FORGOTTEN,
            )
        )
        end = asyncio.create_task(ending.wait())
        await asyncio.wait([worker, end], return_when=asyncio.FIRST_COMPLETED)
        end.cancel()
        worker.cancel()  # a graceful stop
        with suppress(asyncio.CancelledError):
            await worker


def _make_app() -> App:
    """Return an app with async connections, on which the worker waits in its event loop."""
    wrapper = cast("DatabaseWrapper", connection)
    params = wrapper.direct_params()
    for key in ("context", "cursor_factory"):
        params.pop(key, None)
    connector = PsycopgConnector(
        kwargs=params, configure=partial(_use_public_schema, wrapper.owner_role), min_size=1, max_size=4
    )
    app = DjangoApp(connector=connector)
    app.task(name=TASK, aliases=[FORMER_TASK], pass_context=True)(_run)
    app.task(name=TENANT_TASK, retry=RETRIES, pass_context=True)(_run_job)
    return app


async def _use_public_schema(owner: str, session: psycopg.AsyncConnection[Any]) -> None:
    """Set the search_path that procrastinate's unqualified names need."""
    await session.execute("SET search_path = public")
    if owner:
        await session.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(owner)))
    await session.commit()


def _run(context: JobContext, *, operation: int) -> None:
    if not _is_isolated(context):
        with leftovers_rolled_back(f"the operation {operation}"):
            run_operation(operation, context.should_abort)
        return
    try:
        run_isolated(cast(int, context.job.id), context.should_abort)
    except ProcessEnded as error:
        # `StalledTaskRecovery` queues it again, or marks it as failed.
        logger.error("The process of operation %s died: %s", operation, error)


def _run_job(context: JobContext, /, **envelope: Any) -> None:
    try:
        if _is_isolated(context):
            run_isolated(cast(int, context.job.id))
        else:
            run_job(**envelope)
    except BaseException as error:
        # Including SystemExit, which would end the worker.
        raise JobFailed(f"{type(error).__name__}: {error}", _now()) from error
    finally:
        close_connections()


def _is_isolated(context: JobContext) -> bool:
    return is_isolated(context.job.queue)


def _now() -> datetime:
    try:
        return database_now()
    except DatabaseError:  # the database is down
        return timezone.now()


async def _recover_stalled(ending: asyncio.Event) -> None:
    recovery = StalledTaskRecovery()
    while not ending.is_set():
        try:
            await sync_to_async(_recover)(recovery)
        except DatabaseError as error:
            logger.warning("Recovery of stalled operations failed: %s", error)
        await _sleep(_SECONDS_BETWEEN_RECOVERIES, ending)


def _recover(recovery: StalledTaskRecovery) -> None:
    try:
        recovery.recover()
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
