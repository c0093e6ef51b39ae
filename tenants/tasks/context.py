"""Context of a running operation: its arguments, its tenant and its progress."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from tenants.context import PLATFORM, use_tenant
from tenants.errors import TenantNotFound
from tenants.lifecycle.locking import existing_tenant
from tenants.models import AuditEvent, Operation, Tenant

_SECONDS_BETWEEN = 0.3
"""The shortest time between two writes of the row. The admin page reads it once a second."""

# Not through Django's connection, which may be in a transaction, with a tenant active.
_WRITE = "UPDATE public.tenants_operation SET done = %s, total = %s, report = %s WHERE id = %s"


class WorkerStopping(Exception):
    """The worker has to end; the next one resumes the operation."""


class TaskContext:
    """A running operation."""

    def __init__(
        self,
        operation: Operation,
        session: psycopg.Connection[Any],
        should_stop: Callable[[], bool],
        *,
        is_resumed: bool,
    ) -> None:
        self.operation = operation
        self.is_resumed = is_resumed
        """Whether an earlier attempt was started, which may have completed part or all of it."""
        self.should_stop = should_stop
        """Whether the worker has to end. For operations that cannot be interrupted by an exception."""
        self._session = session
        # When the current count was first reported, and its value then.
        self._first_report: tuple[float, int] | None = None
        self._written_at = 0.0
        self._is_changed = False

    @property
    def tenant_id(self) -> int:
        """The id of the operation's tenant; raise `TenantNotFound` if its slug did not exist when it was queued."""
        if self.operation.tenant_id is None:
            raise TenantNotFound(self.operation.slug)
        return self.operation.tenant_id

    def tenant(self) -> Tenant:
        """Return the row of that tenant; raise `TenantNotFound` if it is deleted."""
        with use_tenant(PLATFORM):
            try:
                return existing_tenant(self.tenant_id)
            except TenantNotFound as error:
                raise TenantNotFound(self.operation.slug, error.status) from error

    @property
    def arguments(self) -> dict[str, Any]:
        return dict(self.operation.arguments)

    def already_completed(self, action: str) -> bool:
        """Return whether an earlier attempt was killed after it had committed the action."""
        # The audit log is written in the same transaction, with the operation's id.
        if not self.is_resumed:
            return False
        with use_tenant(PLATFORM):
            return AuditEvent.objects.filter(action=action, detail__operation=self.operation.pk).exists()

    def progress(self, done: int, total: int) -> None:
        """Report the progress; raise `WorkerStopping` if the worker has to end."""
        self.report(done, total)
        if self.should_stop():
            raise WorkerStopping

    def report(self, done: int, total: int, report: dict[str, Any] | None = None) -> None:
        """Report the progress and further figures. Frequent calls are cheap."""
        row = self.operation
        now = time.monotonic()
        if self._first_report is None or total != row.total or done < row.done:
            self._first_report = (now, done)
        started, first = self._first_report
        row.done, row.total = done, total
        row.report = {**(row.report if report is None else report), "rate": _rate(done - first, now - started)}
        self._is_changed = True
        if now - self._written_at >= _SECONDS_BETWEEN:
            self.write()

    def write(self) -> None:
        """Write the last report."""
        if self._is_changed:
            row = self.operation
            self._session.execute(_WRITE, [row.done, row.total, Jsonb(row.report), row.pk])
            self._written_at = time.monotonic()
            self._is_changed = False


def _rate(done: int, seconds: float) -> float:
    """Return the number per second; 0 if unknown."""
    return round(done / seconds, 3) if seconds > 0 else 0.0
