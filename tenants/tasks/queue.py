"""The queue: jobs of procrastinate's, one for each unfinished operation, in the control plane's tables.

Each release has a queue of operations: its workers take what its own code has asked for. All times are compared by the
database's clock.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import connection
from django.db.models import Count, Q
from django.db.models.functions import Now
from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob, ProcrastinateWorker

from tenants.models import Operation, Release
from tenants.models.code_release import release
from tenants.tasks.tenant_jobs import QUEUE, QUEUE_ALONE, QUEUE_SHARED
from tenants.tasks.tenant_jobs import TASK as TENANT_TASK

TASK = "tenants.do_operation"
"""The name under which workers know `run_operation`; its one argument is `operation`, the id."""
FORMER_TASK = "tenants.run_operation"
"""Its name when operations knew their tenant by slug. Workers of that time do not know the new one, and leave it."""
_FORMER_QUEUE = "default"

_HEARTBEAT_BELIEVED = timedelta(seconds=30)
_SECONDS_BETWEEN_NOTES = timedelta(seconds=10)
_SHOWN = 16
"""How many characters of a release's fingerprint are part of the name of its queue."""

_RETRY = "SELECT procrastinate_retry_job_v2(%s, clock_timestamp() + %s, NULL, %s, NULL)"
_UNCOUNT = "UPDATE procrastinate_jobs SET attempts = attempts - 1 WHERE id = %s"
_FAIL = "SELECT procrastinate_finish_job_v1(%s, 'failed', false)"
_MARK_SHARED = """
UPDATE procrastinate_jobs SET queue_name = %s
WHERE status = 'doing' AND task_name = %s AND queue_name = %s AND worker_id IS NOT DISTINCT FROM %s
"""


def enqueue(operation: Operation, *, alone: bool = False) -> None:
    """Put an operation into its release's queue, in the transaction that is open. One of a tenant is done at a time.

    `alone`: it is done in a process for itself.
    """
    app.configure_task(TASK, queue=_queue_of(operation, alone), lock=_lock_of(operation)).defer(operation=operation.pk)


def _lock_of(operation: Operation) -> str:
    if operation.tenant_id is not None:
        return f"tenant {operation.tenant_id}"
    return f"slug {operation.slug}" if operation.slug else operation.kind


def _queue_of(operation: Operation, alone: bool) -> str:
    return operations_queue(operation.release, alone=alone)


def operations_queue(fingerprint: str, *, alone: bool = False) -> str:
    """Return the name of the queue of a release's operations."""
    if not fingerprint:
        return _FORMER_QUEUE
    return f"operations.{fingerprint[:_SHOWN]}" + (".alone" if alone else "")


def is_alone(queue: str) -> bool:
    """Tell whether what is in a queue is done in a process for itself."""
    return queue.endswith(".alone")


def queues() -> list[str]:
    """Return the names of the queues from which a worker of this release takes work."""
    own = [operations_queue(release()), operations_queue(release(), alone=True)]
    return [*own, _FORMER_QUEUE, QUEUE, QUEUE_SHARED, QUEUE_ALONE]


def put_back(job_id: int, queue: str | None = None, *, wait: timedelta = timedelta(0), count: bool = True) -> None:
    """Put a job back whose worker is gone, into `queue` if one is given; `count` it as an attempt or not."""
    with connection.cursor() as cursor:
        parameters: list[Any] = [job_id, wait, queue]
        cursor.execute(_RETRY, parameters)
        if not count:
            cursor.execute(_UNCOUNT, [job_id])


def give_up(job_id: int) -> None:
    """End a job as failed."""
    with connection.cursor() as cursor:
        cursor.execute(_FAIL, [job_id])


def jobs(status: str) -> dict[int, int]:
    """Return the jobs that are waiting (`todo`) or were taken by a worker (`doing`): by operation, the job's id."""
    found = ProcrastinateJob.objects.filter(task_name__in=[TASK, FORMER_TASK], status=status)
    return {args["operation"]: job_id for job_id, args in found.values_list("pk", "args")}


def jobs_in_company() -> set[int]:
    """Return the jobs that were taken by a worker which took others as well: who knows which of them ended it."""
    taken = ProcrastinateJob.objects.filter(status="doing")
    several = taken.values("worker_id").annotate(taken=Count("pk")).filter(taken__gt=1)
    workers = list(several.values_list("worker_id", flat=True))
    of_several = Q(worker_id__in=[worker_id for worker_id in workers if worker_id is not None])
    if None in workers:  # their worker is forgotten: they may have had the same
        of_several |= Q(worker_id=None)
    return set(taken.filter(of_several).values_list("pk", flat=True))


def mark_shared(job_id: int) -> None:
    """Remember of the tenants' jobs that a worker has taken that something else was lost beside them."""
    worker_id = ProcrastinateJob.objects.values_list("worker_id", flat=True).get(pk=job_id)
    with connection.cursor() as cursor:
        cursor.execute(_MARK_SHARED, [QUEUE_SHARED, TENANT_TASK, QUEUE, worker_id])


def abandoned_jobs_of_tenants() -> list[ProcrastinateJob]:
    """Return jobs of `tenants.tasks.tenant_jobs` whose worker has sent no heartbeat for a while."""
    taken = ProcrastinateJob.objects.filter(task_name=TENANT_TASK, status="doing")
    return list(taken.exclude(worker__last_heartbeat__gte=Now() - _HEARTBEAT_BELIEVED))


def worker_is_there(fingerprint: str = "") -> bool:
    """Tell whether any worker has shown itself lately, or one of that release."""
    since = Now() - _HEARTBEAT_BELIEVED
    if not ProcrastinateWorker.objects.filter(last_heartbeat__gte=since).exists():
        return False
    return not fingerprint or Release.objects.filter(fingerprint=fingerprint, worker_at__gte=since).exists()


def note_worker() -> None:
    """Note that a worker of this release is there."""
    Release.objects.get_or_create(fingerprint=release())
    stale = Q(worker_at=None) | Q(worker_at__lt=Now() - _SECONDS_BETWEEN_NOTES) | Q(worker_at__gt=Now())
    Release.objects.filter(stale, fingerprint=release()).update(worker_at=Now())
