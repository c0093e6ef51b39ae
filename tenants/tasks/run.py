"""Run of one operation: start it, run its function, record the result."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import psycopg
from django.db import transaction

from tenants.context import PLATFORM, use_tenant
from tenants.errors import TenancyError
from tenants.lifecycle.audit import acting_as
from tenants.models import Operation
from tenants.models.code_release import release
from tenants.postgresql.clock import database_now
from tenants.tasks.context import TaskContext, WorkerStopping
from tenants.tasks.kinds import KINDS
from tenants.tasks.locks import operation_lock
from tenants.tasks.queue import enqueue

logger = logging.getLogger(__name__)

_ATTEMPTS = 3
"""The maximum number of attempts that end with the worker's process."""

_OF_FORMER_RELEASE = (
    "It was queued by an older release, which stored only the tenant's slug. Nothing was done, because the slug may "
    "belong to another tenant now. Start it again."
)
_WITHOUT_WORKER = (
    "No worker of the release that queued it ({release}) was running for ten minutes, while other workers were. "
    "Nothing was done. Start it again with the running release."
)


def run_operation(operation_id: int, should_stop: Callable[[], bool] = lambda: False) -> None:
    """Run an operation, unless it is finished or another worker is running it.

    An error of the operation is written to its row. When `should_stop` returns True, the operation is interrupted and
    queued again. Raises only if the database cannot be reached; then `StalledTaskRecovery` queues the operation.
    """
    with operation_lock(operation_id) as session:
        if session is None:
            return
        with use_tenant(PLATFORM):
            context = _start(operation_id, session, should_stop)
        if context is not None:
            with acting_as(context.operation.asked_by, operation=operation_id):
                _run(context, session)


def _start(operation_id: int, session: psycopg.Connection[Any], should_stop: Callable[[], bool]) -> TaskContext | None:
    with transaction.atomic():
        unfinished = Operation.objects.filter(pk=operation_id, state__in=Operation.UNFINISHED)
        operation = unfinished.select_for_update().first()
        if operation is None:
            return None
        if not operation.release:
            _finish(operation, error=_OF_FORMER_RELEASE)
            return None
        if operation.release != release():
            enqueue(operation)  # for a worker of its release
            return None
        is_resumed = operation.started_at is not None
        operation.attempts += 1
        if operation.attempts > _ATTEMPTS:
            _finish(operation, error=_given_up(operation))
            return None
        operation.state = Operation.State.RUNNING
        operation.started_at = operation.started_at or database_now()
        operation.save(update_fields=["state", "attempts", "started_at"])
    return TaskContext(operation, session, should_stop, is_resumed=is_resumed)


def _given_up(operation: Operation) -> str:
    return (
        f"It was started {_ATTEMPTS} times, and each time the process ended before it was done. "
        f"Check the worker's log and the machine's memory, then start it again."
    )


def fail_without_worker(operation: Operation) -> None:
    """Mark an operation of a release without a worker as failed."""
    _finish(operation, error=_WITHOUT_WORKER.format(release=operation.release[:12]))


def _run(context: TaskContext, session: psycopg.Connection[Any]) -> None:
    operation = context.operation
    try:
        message = KINDS[operation.kind].run(context)
        context.write()
    except WorkerStopping:
        context.write()
        _requeue(operation)
    except (Exception, SystemExit) as error:  # any error must reach the operator
        # If this fails, the lock is lost and another worker may have the operation: nothing more may be written.
        context.write()
        session.execute("SELECT 1")
        # Our own errors need no traceback.
        where = None if isinstance(error, TenancyError) else error
        logger.warning("Operation %s (%s) failed: %s", operation.pk, operation, error, exc_info=where)
        _finish(operation, error=_message(error))
    else:
        operation.done = operation.total  # not every kind reports its last step
        _finish(operation, message=message)


def _requeue(operation: Operation) -> None:
    with use_tenant(PLATFORM), transaction.atomic():
        operation.state = Operation.State.WAITING
        operation.attempts = 0
        operation.save(update_fields=["state", "attempts"])
        enqueue(operation)


def _finish(operation: Operation, *, message: str = "", error: str = "") -> None:
    operation.state = Operation.State.FAILED if error else Operation.State.DONE
    operation.message, operation.error = message, error
    operation.finished_at = database_now()
    with use_tenant(PLATFORM):
        operation.save(update_fields=["state", "done", "message", "error", "finished_at"])


def _message(error: BaseException) -> str:
    """Return the error's text, with its class unless it is one of ours."""
    return str(error) if isinstance(error, TenancyError) else f"{type(error).__name__}: {error}"
