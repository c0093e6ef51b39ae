"""Finding the work that nobody does any more, because its worker was killed or lost the database."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import timedelta

from django.db import transaction
from django.db.models import F
from procrastinate.contrib.django.models import ProcrastinateJob

from tenants.context import PLATFORM, use_tenant
from tenants.models import Operation
from tenants.models.code_release import release
from tenants.tasks.locks import held_claims, lock_bookkeeping
from tenants.tasks.queue import (
    abandoned_jobs_of_tenants,
    enqueue,
    give_up,
    jobs,
    jobs_in_company,
    mark_shared,
    note_worker,
    operations_queue,
    put_back,
    worker_is_there,
)
from tenants.tasks.run import fail_without_worker
from tenants.tasks.tenant_jobs import QUEUE_ALONE, QUEUE_SHARED, RETRIES

logger = logging.getLogger(__name__)

_SECONDS_FOR_A_RELEASE = 600.0
"""How long an operation waits for a worker of its release while there are workers of another one."""


class LostAndFound:
    """Looks, time and again, for work that was left, and puts it back into the queue.

    A worker takes a job first and claims its operation a moment later. So an operation counts as lost when it was
    seen without a claim twice. What was lost is done in a process for itself from then on
    (`tenants.tasks.isolated_process`): if it ends that process, it is known which work it was.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._suspects: set[int] = set()
        self._clock = clock
        self._without_worker: dict[int, float] = {}
        """Operations of other releases, and since when they were seen without a worker."""

    def look(self) -> None:
        """Put back what was seen abandoned now and the last time; call it every few seconds."""
        with use_tenant(PLATFORM), transaction.atomic():
            lock_bookkeeping()
            note_worker()
            taken = jobs("doing")
            company = jobs_in_company()
            unfinished = set(Operation.objects.filter(state__in=Operation.UNFINISHED).values_list("pk", flat=True))
            # A job whose operation is finished is among them too: it would be in the way of the tenant's next one.
            abandoned = (unfinished | taken.keys()) - jobs("todo").keys() - held_claims()
            for operation_id in abandoned & self._suspects:
                _put_back(operation_id, taken.get(operation_id), company)
            for job in abandoned_jobs_of_tenants():
                _put_back_job(job, company)
            self._end_what_has_no_worker()
        self._suspects = abandoned

    def _end_what_has_no_worker(self) -> None:
        waiting = Operation.objects.filter(state=Operation.State.WAITING).exclude(release__in=["", release()])
        lonely = [operation for operation in waiting if not worker_is_there(operation.release)]
        now = self._clock()
        self._without_worker = {one.pk: self._without_worker.get(one.pk, now) for one in lonely}
        for operation in lonely:
            if now - self._without_worker[operation.pk] >= _SECONDS_FOR_A_RELEASE:
                fail_without_worker(operation)


def _put_back(operation_id: int, job_id: int | None, company: set[int]) -> None:
    operation = Operation.objects.filter(pk=operation_id).first()
    was_begun = operation is not None and operation.started_at is not None
    if job_id in company and operation is not None and operation.state == Operation.State.RUNNING:
        # Whether it ended its worker or another did, is not known: it is not counted, and tried by itself.
        Operation.objects.filter(pk=operation_id, attempts__gt=0).update(attempts=F("attempts") - 1)
    if job_id is not None:
        mark_shared(job_id)
        put_back(job_id, operations_queue(operation.release, alone=was_begun) if operation else None)
    elif operation is not None:
        enqueue(operation, alone=was_begun)


def _put_back_job(job: ProcrastinateJob, company: set[int]) -> None:
    count = job.pk not in company and job.queue_name != QUEUE_SHARED
    if count and job.attempts >= (RETRIES.max_attempts or 0):
        logger.error("The job %s (%s) is given up: its process ended %s times.", job.pk, job.args, job.attempts + 1)
        give_up(job.pk)
        return
    wait = RETRIES.wait_after(job.attempts) if count else timedelta(0)
    put_back(job.pk, QUEUE_ALONE, wait=wait, count=count)
