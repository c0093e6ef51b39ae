"""Work that an app puts off: done by a worker (`manage.py run_worker`), as the tenant that asked for it.

::

    @tenant_job
    def send_receipt(order_id: int) -> None: ...

    send_receipt.defer(order_id=7)  # in the transaction at hand, for the active tenant
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import update_wrapper
from typing import Any, Generic, ParamSpec, TypeVar

from django.utils import timezone, translation
from django.utils.module_loading import import_string
from procrastinate import RetryStrategy
from procrastinate.contrib.django import app
from procrastinate.jobs import Job
from procrastinate.retry import RetryDecision

from tenants.context import PLATFORM, TenantInfo, current_tenant, use_tenant
from tenants.isolation.patches.process_state import restored_process_state
from tenants.postgresql.clock import database_now
from tenants.postgresql.connection_watch import leftovers_rolled_back
from tenants.registry.tenant_info import all_tenants

TASK = "tenants.run_job"
"""The name under which workers know `run_job`."""
QUEUE = "jobs"
QUEUE_SHARED = "jobs.shared"
"""Of jobs that were begun in a worker beside something else that was lost."""
QUEUE_ALONE = "jobs.alone"
"""Of jobs whose worker ended before they did: each is done in a process for itself."""


class JobFailed(Exception):
    """A job raised an error, or ended its process."""

    def __init__(self, cause: str, at: datetime) -> None:
        super().__init__(cause)
        self.at = at
        """By the database's clock, by which workers compare when it is due again."""


class Retries(RetryStrategy):
    """Tries a job again after a while, counted from when it failed by the database's clock."""

    def wait_after(self, attempts: int) -> timedelta:
        """Return how long is waited after so many attempts before this one."""
        return timedelta(seconds=self.exponential_wait ** (attempts + 1))

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        """Return when the job is due again; None if it was tried often enough."""
        decision = super().get_retry_decision(exception=exception, job=job)
        if decision is None or not isinstance(exception, JobFailed):
            return decision
        return RetryDecision(retry_at=exception.at + self.wait_after(job.attempts))


RETRIES = Retries(max_attempts=5, exponential_wait=3)
"""A job that fails is tried again after 3, 9, 27, 81 and 243 seconds. Each failure is written into the log."""

_BEHIND_OPERATIONS = -1
_SUSPENDED_FOR = timedelta(minutes=1)
"""How long the job of a suspended tenant waits until it is looked at again."""

logger = logging.getLogger(__name__)
P = ParamSpec("P")
R = TypeVar("R")


class TenantJob(Generic[P, R]):
    """A function that can be put off; called plainly, it is done at once."""

    def __init__(self, function: Callable[P, R]) -> None:
        self._function = function
        update_wrapper(self, function)
        self.path = f"{function.__module__}.{function.__qualname__}"
        """How the worker finds it."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self._function(*args, **kwargs)

    def defer(self, *, run_at: datetime | None = None, **arguments: Any) -> int:
        """Have a worker do it as the active tenant, once the transaction at hand is committed; return the job's id.

        `arguments` have to be fit for JSON: keys of rows, not rows. Not before `run_at`, if that is given. Raises
        `NoActiveTenant`, or `TypeError` for what JSON does not know.
        """
        return _enqueue(current_tenant(), self.path, arguments, run_at)


def tenant_job(function: Callable[P, R]) -> TenantJob[P, R]:
    """Let a function of a module be put off, with `function.defer(…)`.

    It may be done twice, if a worker is killed at its end: write it so that this does no harm. What comes of it when
    its tenant is not there any more is the worker's to say (`run_job`).
    """
    return TenantJob(function)


def _enqueue(tenant: TenantInfo, path: str, arguments: dict[str, Any], run_at: datetime | None) -> int:
    envelope: dict[str, Any] = {"tenant": tenant.id, "job": path, "arguments": arguments}
    with use_tenant(PLATFORM):
        task = app.configure_task(TASK, queue=QUEUE, priority=_BEHIND_OPERATIONS, schedule_at=run_at)
        return task.defer(**envelope)


def run_job(*, tenant: int, job: str, arguments: dict[str, Any]) -> None:
    """Do a job as its tenant, whichever slug or host that has now.

    Of a suspended tenant it is put off until that is resumed or deleted. Of one that is deleted or purged it is dropped
    and logged; one that is opened later under the same slug is another tenant. Raises what the function raises.
    """
    owner = _owner(tenant)
    if owner is None or not owner.exists:
        logger.warning("The job %s is dropped: its tenant (id %s) is deleted.", job, tenant)
        return
    if owner.status == "suspended":
        _enqueue(owner, job, arguments, database_now() + _SUSPENDED_FOR)
        return
    function = import_string(job)
    if not isinstance(function, TenantJob):
        raise TypeError(f"{job} is no tenant_job, and is not run.")
    with (
        use_tenant(owner), restored_process_state(), leftovers_rolled_back(f"the job {job}"),
        translation.override(owner.language), timezone.override(owner.time_zone),
    ):  # fmt: skip
        _do(function, arguments)


def _do(function: TenantJob[..., object], arguments: dict[str, Any]) -> None:
    try:
        function(**arguments)
    except Exception:
        logger.exception("The job %s failed.", function.path)
        raise


def _owner(tenant_id: int) -> TenantInfo | None:
    if tenant_id == PLATFORM.id:
        return PLATFORM
    return next(iter(all_tenants(pk=tenant_id)), None)
