"""Recovery of operations and jobs whose worker was killed or has lost the database."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import F

from tenants.context import PLATFORM, use_tenant
from tenants.models import Operation
from tenants.models.code_release import release
from tenants.tasks.locks import lock_queue, locked_operations
from tenants.tasks.queue import (
    enqueue,
    fail_job,
    has_worker,
    jobs,
    jobs_of_shared_workers,
    mark_shared,
    operations_queue,
    record_worker,
    requeue,
    stalled_tenant_jobs,
)
from tenants.tasks.run import fail_without_worker
from tenants.tasks.tenant_jobs import MAX_RETRIES, QUEUE_ISOLATED, QUEUE_SHARED, wait_after

logger = logging.getLogger(__name__)

_SECONDS_FOR_A_RELEASE = 600.0
"""How long an operation waits for a worker of its release while other releases have workers."""


class StalledTaskRecovery:
    """Queues stalled operations and jobs again.

    A worker takes a job first and locks its operation a moment later, so an operation counts as stalled when it was
    seen without a lock twice. It then runs in a separate process (`tenants.tasks.isolated_process`): if that process
    dies too, the cause is known.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._suspects: set[int] = set()
        self._clock = clock
        self._without_worker: dict[int, float] = {}
        """Operations of other releases, and since when they have no worker."""

    def recover(self) -> None:
        """Queue what was stalled at this and the last call; call it every few seconds."""
        with use_tenant(PLATFORM), transaction.atomic():
            lock_queue()
            record_worker()
            taken = jobs("doing")
            shared = jobs_of_shared_workers()
            unfinished = set(Operation.objects.filter(state__in=Operation.UNFINISHED).values_list("pk", flat=True))
            # Including jobs of finished operations, which would block the tenant's next one.
            stalled = (unfinished | taken.keys()) - jobs("todo").keys() - locked_operations()
            for operation_id in stalled & self._suspects:
                _requeue(operation_id, taken.get(operation_id), shared)
            for job in stalled_tenant_jobs():
                _requeue_job(job, shared)
            self._fail_without_worker()
        self._suspects = stalled

    def _fail_without_worker(self) -> None:
        waiting = Operation.objects.filter(state=Operation.State.WAITING).exclude(release__in=["", release()])
        without_worker = [operation for operation in waiting if not has_worker(operation.release)]
        now = self._clock()
        self._without_worker = {one.pk: self._without_worker.get(one.pk, now) for one in without_worker}
        for operation in without_worker:
            if now - self._without_worker[operation.pk] >= _SECONDS_FOR_A_RELEASE:
                fail_without_worker(operation)


def _requeue(operation_id: int, job_id: int | None, shared: set[int]) -> None:
    operation = Operation.objects.filter(pk=operation_id).first()
    was_begun = operation is not None and operation.started_at is not None
    if job_id in shared and operation is not None and operation.state == Operation.State.RUNNING:
        # It is unknown which job killed the worker: the attempt is not counted, and the next one is isolated.
        Operation.objects.filter(pk=operation_id, attempts__gt=0).update(attempts=F("attempts") - 1)
    if job_id is not None:
        mark_shared(job_id)
        requeue(job_id, operations_queue(operation.release, isolated=was_begun) if operation else None)
    elif operation is not None:
        enqueue(operation, isolated=was_begun)


def _requeue_job(job: Any, shared: set[int]) -> None:
    count = job.pk not in shared and job.queue_name != QUEUE_SHARED
    if count and job.attempts >= MAX_RETRIES:
        logger.error("Job %s (%s) failed: its process has died %s times.", job.pk, job.args, job.attempts + 1)
        fail_job(job.pk)
        return
    wait = wait_after(job.attempts) if count else timedelta(0)
    requeue(job.pk, QUEUE_ISOLATED, wait=wait, count=count)
