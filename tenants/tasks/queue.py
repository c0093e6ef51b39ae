"""Queue of operations: one procrastinate job for each unfinished operation, in the control plane's tables.

Each release has its own queue, so that an operation is run by the code that queued it. All times are compared by the
database's clock.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.apps import apps
from django.db import connection
from django.db.models import Count, Q
from django.db.models.functions import Now

from tenants.models import Operation, Release
from tenants.models.code_release import release
from tenants.tasks.procrastinate_app import procrastinate_app
from tenants.tasks.tenant_jobs import QUEUE, QUEUE_ISOLATED, QUEUE_SHARED
from tenants.tasks.tenant_jobs import TASK as TENANT_TASK

TASK = "tenants.do_operation"
"""The task that calls `run_operation`; its argument `operation` is the id."""
FORMER_TASK = "tenants.run_operation"
"""The task's name in releases that stored an operation's tenant as a slug."""
_FORMER_QUEUE = "default"

_HEARTBEAT_VALID = timedelta(seconds=30)
_SECONDS_BETWEEN_NOTES = timedelta(seconds=10)
_SHOWN = 16
"""Characters of a release's fingerprint in its queue's name."""

_RETRY = "SELECT procrastinate_retry_job_v2(%s, clock_timestamp() + %s, NULL, %s, NULL)"
_DECREMENT_ATTEMPTS = "UPDATE procrastinate_jobs SET attempts = attempts - 1 WHERE id = %s"
_FAIL = "SELECT procrastinate_finish_job_v1(%s, 'failed', false)"
_MARK_SHARED = """
UPDATE procrastinate_jobs SET queue_name = %s
WHERE status = 'doing' AND task_name = %s AND queue_name = %s AND worker_id IS NOT DISTINCT FROM %s
"""


def enqueue(operation: Operation, *, isolated: bool = False) -> None:
    """Queue an operation in the current transaction. Operations of one tenant run one at a time.

    `isolated`: it runs in a separate process.
    """
    app = procrastinate_app("Queueing an operation")
    queue = operations_queue(operation.release, isolated=isolated)
    app.configure_task(TASK, queue=queue, lock=_lock_of(operation)).defer(operation=operation.pk)


def _rows(model: str) -> Any:
    """Return a manager of procrastinate's rows; the package is imported only where it is installed."""
    return apps.get_model("procrastinate", model)._default_manager


def _lock_of(operation: Operation) -> str:
    if operation.tenant_id is not None:
        return f"tenant {operation.tenant_id}"
    return f"slug {operation.slug}" if operation.slug else operation.kind


def operations_queue(fingerprint: str, *, isolated: bool = False) -> str:
    """Return the name of a release's queue."""
    if not fingerprint:
        return _FORMER_QUEUE
    return f"operations.{fingerprint[:_SHOWN]}" + (".isolated" if isolated else "")


def is_isolated(queue: str) -> bool:
    """Return whether jobs of a queue run in a separate process."""
    return queue.endswith(".isolated")


def queues() -> list[str]:
    """Return the queues of a worker of this release."""
    own = [operations_queue(release()), operations_queue(release(), isolated=True)]
    return [*own, _FORMER_QUEUE, QUEUE, QUEUE_SHARED, QUEUE_ISOLATED]


def requeue(job_id: int, queue: str | None = None, *, wait: timedelta = timedelta(0), count: bool = True) -> None:
    """Queue the job of a lost worker again, optionally in another queue and without counting the attempt."""
    with connection.cursor() as cursor:
        parameters: list[Any] = [job_id, wait, queue]
        cursor.execute(_RETRY, parameters)
        if not count:
            cursor.execute(_DECREMENT_ATTEMPTS, [job_id])


def fail_job(job_id: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_FAIL, [job_id])


def jobs(status: str) -> dict[int, int]:
    """Return the ids of jobs that are waiting (`todo`) or running (`doing`), by operation."""
    found = _rows("ProcrastinateJob").filter(task_name__in=[TASK, FORMER_TASK], status=status)
    return {args["operation"]: job_id for job_id, args in found.values_list("pk", "args")}


def jobs_of_shared_workers() -> set[int]:
    """Return the running jobs of workers that run several: any of these may have killed the worker."""
    taken = _rows("ProcrastinateJob").filter(status="doing")
    several = taken.values("worker_id").annotate(taken=Count("pk")).filter(taken__gt=1)
    workers = list(several.values_list("worker_id", flat=True))
    of_several = Q(worker_id__in=[worker_id for worker_id in workers if worker_id is not None])
    if None in workers:  # their workers are no longer known, so it may have been the same one
        of_several |= Q(worker_id=None)
    return set(taken.filter(of_several).values_list("pk", flat=True))


def mark_shared(job_id: int) -> None:
    """Mark the other jobs of this job's worker: any of them may have killed it."""
    worker_id = _rows("ProcrastinateJob").values_list("worker_id", flat=True).get(pk=job_id)
    with connection.cursor() as cursor:
        cursor.execute(_MARK_SHARED, [QUEUE_SHARED, TENANT_TASK, QUEUE, worker_id])


def stalled_tenant_jobs() -> list[Any]:
    """Return tenant jobs whose worker has stopped sending heartbeats."""
    taken = _rows("ProcrastinateJob").filter(task_name=TENANT_TASK, status="doing")
    return list(taken.exclude(worker__last_heartbeat__gte=Now() - _HEARTBEAT_VALID))


def has_worker(fingerprint: str = "") -> bool:
    """Return whether a worker, or one of that release, is running."""
    since = Now() - _HEARTBEAT_VALID
    if not _rows("ProcrastinateWorker").filter(last_heartbeat__gte=since).exists():
        return False
    return not fingerprint or Release.objects.filter(fingerprint=fingerprint, worker_at__gte=since).exists()


def record_worker() -> None:
    """Record that a worker of this release is running."""
    Release.objects.get_or_create(fingerprint=release())
    stale = Q(worker_at=None) | Q(worker_at__lt=Now() - _SECONDS_BETWEEN_NOTES) | Q(worker_at__gt=Now())
    Release.objects.filter(stale, fingerprint=release()).update(worker_at=Now())
