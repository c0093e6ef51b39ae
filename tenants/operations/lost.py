"""Finding the operations that nobody does any more, because their worker was killed or lost the database."""

from __future__ import annotations

from django.db import transaction

from tenants.context import PLATFORM, use_tenant
from tenants.models import Operation
from tenants.operations.claims import held_claims, lock_bookkeeping
from tenants.operations.queue import abandoned_jobs_of_tenants, enqueue, jobs, queued_again


class LostAndFound:
    """Looks, time and again, for operations without anybody who does them, and puts them back into the queue.

    A worker takes a job first and claims its operation a moment later. So an operation counts as lost when it was
    seen without a claim twice.
    """

    def __init__(self) -> None:
        self._suspects: set[int] = set()

    def look(self) -> None:
        """Put back what was seen abandoned now and the last time; call it every few seconds."""
        with use_tenant(PLATFORM), transaction.atomic():
            lock_bookkeeping()
            taken = jobs("doing")
            unfinished = set(Operation.objects.filter(state__in=Operation.UNFINISHED).values_list("pk", flat=True))
            # A job whose operation is finished is among them too: it would be in the way of the tenant's next one.
            abandoned = (unfinished | taken.keys()) - jobs("todo").keys() - held_claims()
            for operation_id in abandoned & self._suspects:
                self._put_back(operation_id, taken.get(operation_id))
            for job_id in abandoned_jobs_of_tenants():
                queued_again(job_id)
        self._suspects = abandoned

    def _put_back(self, operation_id: int, job_id: int | None) -> None:
        if job_id is not None:
            queued_again(job_id)
        else:
            enqueue(Operation.objects.get(pk=operation_id))
