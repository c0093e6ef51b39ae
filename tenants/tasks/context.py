"""What the function behind an operation sees of it."""

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
"""How often at most the row is written: who watches it looks once a second."""

# Past Django's connection, whose transaction the work may be in the midst of, and as whoever is active there.
_WRITE = "UPDATE public.tenants_operation SET done = %s, total = %s, report = %s WHERE id = %s"


class Stopped(Exception):
    """The worker has to end, and the operation is left to be resumed."""


class Work:
    """An operation in hand: what is asked for, and where to say how far it is."""

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
        """Whether it was begun before, and may be half done or even done."""
        self.should_stop = should_stop
        """Whether the worker has to end. Work that cannot be cut short by an exception asks this itself."""
        self._session = session
        # When the count that is told now began, and with how much.
        self._began: tuple[float, int] | None = None
        self._written_at = 0.0
        self._unwritten = False

    @property
    def tenant_id(self) -> int:
        """The tenant that the work is about; raise `TenantNotFound` if its slug named none when it was asked for."""
        if self.operation.tenant_id is None:
            raise TenantNotFound(self.operation.slug)
        return self.operation.tenant_id

    def tenant(self) -> Tenant:
        """Return the row of that tenant, whichever slug it has now; raise `TenantNotFound` if it is deleted."""
        with use_tenant(PLATFORM):
            try:
                return existing_tenant(self.tenant_id)
            except TenantNotFound as error:
                raise TenantNotFound(self.operation.slug, error.status) from error

    @property
    def arguments(self) -> dict[str, Any]:
        return dict(self.operation.arguments)

    def was_done(self, action: str) -> bool:
        """Tell whether an earlier attempt did it all, and was killed before it could say so.

        The audit log knows, since it is written in the transaction that did it, with the operation's number.
        """
        if not self.is_resumed:
            return False
        with use_tenant(PLATFORM):
            return AuditEvent.objects.filter(action=action, detail__operation=self.operation.pk).exists()

    def progress(self, done: int, total: int) -> None:
        """Say how far the work is; raises `Stopped`, where it can be cut short, if the worker has to end."""
        self.note(done, total)
        if self.should_stop():
            raise Stopped

    def note(self, done: int, total: int, report: dict[str, Any] | None = None) -> None:
        """Say how far the work is, and what there is to tell beside; may be called as often as one likes."""
        row = self.operation
        now = time.monotonic()
        if self._began is None or total != row.total or done < row.done:
            self._began = (now, done)
        since, at_first = self._began
        row.done, row.total = done, total
        row.report = {**(row.report if report is None else report), "rate": _rate(done - at_first, now - since)}
        self._unwritten = True
        if now - self._written_at >= _SECONDS_BETWEEN:
            self.write()

    def write(self) -> None:
        """Write down what was said last."""
        if self._unwritten:
            row = self.operation
            self._session.execute(_WRITE, [row.done, row.total, Jsonb(row.report), row.pk])
            self._written_at = time.monotonic()
            self._unwritten = False


def _rate(done: int, seconds: float) -> float:
    """Return how many are done in a second; 0 as long as there is no telling."""
    return round(done / seconds, 3) if seconds > 0 else 0.0
