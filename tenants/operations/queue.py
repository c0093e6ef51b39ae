"""The queue: jobs of procrastinate's, one for each unfinished operation, in the control plane's tables."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone
from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob, ProcrastinateWorker

from tenants.jobs import TASK as TENANT_TASK
from tenants.models import Operation

TASK = "tenants.run_operation"
"""The name under which workers know `run_operation`; its one argument is `operation`, the id."""

_HEARTBEAT_BELIEVED = timedelta(seconds=30)


def enqueue(operation: Operation) -> None:
    """Put an operation into the queue, in the transaction at hand. Those of one tenant are done one after the other."""
    lock = f"tenant {operation.slug}" if operation.slug else operation.kind
    app.configure_task(TASK, lock=lock).defer(operation=operation.pk)


def queued_again(job_id: int) -> None:
    """Put a job back into the queue whose worker is gone."""
    app.job_manager.retry_job_by_id(job_id, timezone.now(), priority=None, queue=None, lock=None)


def jobs(status: str) -> dict[int, int]:
    """Return the jobs that are waiting (`todo`) or were taken by a worker (`doing`): by operation, the job's id."""
    found = ProcrastinateJob.objects.filter(task_name=TASK, status=status)
    return {args["operation"]: job_id for job_id, args in found.values_list("pk", "args")}


def abandoned_jobs_of_tenants() -> list[int]:
    """Return the ids of tenants' jobs (`tenants.jobs`) that a worker took who has not shown itself for a while."""
    since = timezone.now() - _HEARTBEAT_BELIEVED
    taken = ProcrastinateJob.objects.filter(task_name=TENANT_TASK, status="doing")
    return list(taken.exclude(worker__last_heartbeat__gte=since).values_list("pk", flat=True))


def worker_is_there() -> bool:
    """Tell whether any worker has shown itself lately."""
    since = timezone.now() - _HEARTBEAT_BELIEVED
    return bool(ProcrastinateWorker.objects.filter(last_heartbeat__gte=since).exists())
