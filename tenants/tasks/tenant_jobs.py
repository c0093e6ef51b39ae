"""Background jobs of apps: run by a worker (`manage.py run_worker`) as the tenant that deferred them.

::

    @tenant_job
    def send_receipt(order_id: int) -> None: ...

    send_receipt.defer(order_id=7)  # in the current transaction, for the active tenant
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import update_wrapper
from typing import Any, Generic, ParamSpec, TypeVar

from django.utils import timezone, translation
from django.utils.module_loading import import_string

from tenants.context import PLATFORM, TenantInfo, current_tenant, use_tenant
from tenants.isolation.patches.process_state import restored_process_state
from tenants.postgresql.clock import database_now
from tenants.postgresql.connection_watch import leftovers_rolled_back
from tenants.registry.tenant_info import all_tenants
from tenants.tasks.procrastinate_app import procrastinate_app

TASK = "tenants.run_job"
"""The task that calls `run_job`."""
QUEUE = "jobs"
QUEUE_SHARED = "jobs.shared"
"""Jobs whose worker was lost while it ran several."""
QUEUE_ISOLATED = "jobs.isolated"
"""Jobs whose worker was lost: each runs in a separate process."""


MAX_RETRIES = 5

_BEHIND_OPERATIONS = -1
_SUSPENDED_FOR = timedelta(minutes=1)
"""How long the job of a suspended tenant is deferred each time."""

logger = logging.getLogger(__name__)
P = ParamSpec("P")
R = TypeVar("R")


class TenantJob(Generic[P, R]):
    """A function that can be deferred. A plain call runs it at once."""

    def __init__(self, function: Callable[P, R]) -> None:
        self._function = function
        update_wrapper(self, function)
        self.path = f"{function.__module__}.{function.__qualname__}"
        """The dotted path by which the worker imports it."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self._function(*args, **kwargs)

    def defer(self, *, run_at: datetime | None = None, **arguments: Any) -> int:
        """Queue a job for the active tenant in the current transaction, and return the job's id.

        `arguments` must be JSON: ids of rows, not rows. It starts at `run_at` at the earliest. Raises
        `NoActiveTenant`, or `TypeError` for arguments that are not JSON.
        """
        return _enqueue(current_tenant(), self.path, arguments, run_at)


def tenant_job(function: Callable[P, R]) -> TenantJob[P, R]:
    """Make a module's function deferrable with `function.defer(…)`.

    It may run twice if a worker is killed, so it has to be idempotent.
    """
    return TenantJob(function)


def wait_after(attempts: int) -> timedelta:
    """Return the wait after a failure that follows this number of attempts: 3, 9, 27, 81 and 243 seconds."""
    return timedelta(seconds=3 ** (attempts + 1))


def _enqueue(tenant: TenantInfo, path: str, arguments: dict[str, Any], run_at: datetime | None) -> int:
    envelope: dict[str, Any] = {"tenant": tenant.id, "job": path, "arguments": arguments}
    app = procrastinate_app(f"Deferring {path}")
    with use_tenant(PLATFORM):
        task = app.configure_task(TASK, queue=QUEUE, priority=_BEHIND_OPERATIONS, schedule_at=run_at)
        return task.defer(**envelope)


def run_job(*, tenant: int, job: str, arguments: dict[str, Any]) -> None:
    """Run a job as its tenant, which is found by id.

    The job of a suspended tenant is deferred until the tenant is resumed or deleted. That of a deleted tenant is
    dropped and logged. Raises the errors of the function.
    """
    owner = _owner(tenant)
    if owner is None or not owner.exists:
        logger.warning("Job %s dropped: its tenant (id %s) is deleted.", job, tenant)
        return
    if owner.status == "suspended":
        _enqueue(owner, job, arguments, database_now() + _SUSPENDED_FOR)
        return
    function = import_string(job)
    if not isinstance(function, TenantJob):
        raise TypeError(f"{job} is not a tenant_job. Decorate it with @tenant_job.")
    with (
        use_tenant(owner), restored_process_state(), leftovers_rolled_back(f"the job {job}"),
        translation.override(owner.language), timezone.override(owner.time_zone),
    ):  # fmt: skip
        _do(function, arguments)


def _do(function: TenantJob[..., object], arguments: dict[str, Any]) -> None:
    try:
        function(**arguments)
    except Exception:
        logger.exception("Job %s failed.", function.path)
        raise


def _owner(tenant_id: int) -> TenantInfo | None:
    if tenant_id == PLATFORM.id:
        return PLATFORM
    return next(iter(all_tenants(pk=tenant_id)), None)
