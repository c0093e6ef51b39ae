"""Doing an operation: begun, done, and written down how it ended, whatever happens in between."""

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
from tenants.tasks.context import Stopped, Work
from tenants.tasks.kinds import KINDS
from tenants.tasks.locks import claimed
from tenants.tasks.queue import enqueue

logger = logging.getLogger(__name__)

_ATTEMPTS = 3
"""How often an operation is begun at most that ends with the process that does it."""

_OF_FORMER_RELEASE = (
    "It was asked for by an older release, which named tenants by a slug alone. Nothing was done, since that slug may "
    "be another tenant's now. Ask for it again."
)
_WITHOUT_WORKER = (
    "No worker of the release that asked for it ({release}) was running for ten minutes, while others were. Nothing "
    "was done. Ask for it again with the release that is running."
)


def run_operation(operation_id: int, should_stop: Callable[[], bool] = lambda: False) -> None:
    """Do an operation, unless it is finished or somebody else has it in hand.

    An error of the work is written into its row. `should_stop` is asked now and then; once it says so, the operation
    is put back into the queue as soon as the work can be cut short. Raises only if the database cannot be reached;
    then `take_up_lost` finds the operation.
    """
    with claimed(operation_id) as session:
        if session is None:
            return
        with use_tenant(PLATFORM):
            work = _begin(operation_id, session, should_stop)
        if work is not None:
            with acting_as(work.operation.asked_by, operation=operation_id):
                _do(work, session)


def _begin(operation_id: int, session: psycopg.Connection[Any], should_stop: Callable[[], bool]) -> Work | None:
    with transaction.atomic():
        unfinished = Operation.objects.filter(pk=operation_id, state__in=Operation.UNFINISHED)
        operation = unfinished.select_for_update().first()
        if operation is None:
            return None
        if not operation.release:
            _finish(operation, error=_OF_FORMER_RELEASE)
            return None
        if operation.release != release():
            enqueue(operation)  # for a worker of its release, which goes by the same migrations
            return None
        is_resumed = operation.started_at is not None
        operation.attempts += 1
        if operation.attempts > _ATTEMPTS:
            _finish(operation, error=_given_up(operation))
            return None
        operation.state = Operation.State.RUNNING
        operation.started_at = operation.started_at or database_now()
        operation.save(update_fields=["state", "attempts", "started_at"])
    return Work(operation, session, should_stop, is_resumed=is_resumed)


def _given_up(operation: Operation) -> str:
    return (
        f"It was begun {_ATTEMPTS} times, and each time the process that did it ended before it was done. "
        f"Look into the worker's log and the machine's memory, then ask for it again."
    )


def fail_without_worker(operation: Operation) -> None:
    """End an operation of another release, for which there is no worker."""
    _finish(operation, error=_WITHOUT_WORKER.format(release=operation.release[:12]))


def _do(work: Work, session: psycopg.Connection[Any]) -> None:
    operation = work.operation
    try:
        message = KINDS[operation.kind].do(work)
        work.write()
    except Stopped:
        work.write()
        _put_back(operation)
    except (Exception, SystemExit) as error:  # whatever it is, an operator waits for an answer
        # If this fails, the claim is gone as well and another worker may have it: then nothing is ours to write.
        work.write()
        session.execute("SELECT 1")
        # Our own errors say all there is to say.
        where = None if isinstance(error, TenancyError) else error
        logger.warning("Operation %s (%s) failed: %s", operation.pk, operation, error, exc_info=where)
        _finish(operation, error=_in_words(error))
    else:
        operation.done = operation.total  # not every kind tells its last step
        _finish(operation, message=message)


def _put_back(operation: Operation) -> None:
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


def _in_words(error: BaseException) -> str:
    """Return what went wrong: our own errors say it in full, others are named as well."""
    return str(error) if isinstance(error, TenancyError) else f"{type(error).__name__}: {error}"
