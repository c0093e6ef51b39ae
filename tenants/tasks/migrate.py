"""Operation `migrate`: a run over all outdated tenants, or over selected ones."""

from __future__ import annotations

import time
from collections import deque
from typing import Any

from tenants.context import TenantInfo
from tenants.errors import MigrationRunFailed
from tenants.migrator.apply import Outcome
from tenants.migrator.runner import Run, RunOptions, find_behind
from tenants.tasks.context import TaskContext, WorkerStopping

_FAILURES_KEPT = 50
_LAST_KEPT = 8
_ERROR_KEPT = 500

_ROUNDS = 5
"""How often a tenant that another run has locked is tried."""
_SECONDS_BETWEEN_ROUNDS = 1.0


class Tally:
    """Outcomes so far, in the form of `Operation.report`."""

    def __init__(self) -> None:
        self.migrated = 0
        self.failed: list[str] = []
        self._failures: list[dict[str, Any]] = []
        self._last: deque[dict[str, Any]] = deque(maxlen=_LAST_KEPT)

    def add(self, outcome: Outcome) -> None:
        """Count the final outcome of a tenant."""
        slug = outcome.tenant.slug
        if outcome.failed:
            self.failed.append(slug)
        elif not outcome.was_current:
            self.migrated += 1
        if outcome.failed and len(self._failures) < _FAILURES_KEPT:
            self._failures.append({"slug": slug, "tenant": outcome.tenant.id, "error": outcome.error[:_ERROR_KEPT]})
        seconds = round(outcome.seconds, 3)
        self._last.append({"slug": slug, "failed": outcome.failed, "applied": len(outcome.applied), "seconds": seconds})

    def report(self, locked: int) -> dict[str, Any]:
        """Return the figures, the first failures and the last outcomes as JSON values."""
        return {
            "migrated": self.migrated,
            "failed": len(self.failed),
            "locked": locked,
            "failures": self._failures,
            "last": list(self._last),
        }


def migrate(context: TaskContext) -> str:
    """Migrate the tenants of the argument `slugs`, or all that are behind.

    Other arguments are `jobs`, `lock_timeout` and `max_failures` of `RunOptions`. Raises `MigrationRunFailed` if some
    tenants were not migrated.
    """
    arguments = context.arguments
    arguments.pop("slugs", None)
    options = RunOptions(**arguments)
    ids = context.operation.tenant_ids
    _, due = find_behind(**({} if ids is None else {"pk__in": ids}))
    # After a resume, tenants that were migrated before are no longer behind, and count as done.
    total = max(context.operation.total, len(due))
    tally = Tally()
    for _ in range(_ROUNDS):
        due = _run_once(context, due, total, options, tally)
        if not due:
            break
        time.sleep(_SECONDS_BETWEEN_ROUNDS)
        _, due = find_behind(pk__in=[tenant.id for tenant in due])
    context.report(total - len(due), total, tally.report(len(due)))
    if tally.failed or due:
        raise MigrationRunFailed(tally.failed, locked=len(due))
    return ""


def _run_once(
    context: TaskContext, due: list[TenantInfo], total: int, options: RunOptions, tally: Tally
) -> list[TenantInfo]:
    """Migrate the tenants and return those that another run has locked."""
    locked: list[TenantInfo] = []
    done = total - len(due)
    context.report(done, total, tally.report(0))
    run = Run(due, options)
    try:
        for outcome in run:
            if outcome.locked:
                locked.append(outcome.tenant)
            else:
                tally.add(outcome)
                done += 1
            context.report(done, total, tally.report(len(locked)))
            if context.should_stop():
                run.stop()
    finally:
        _end(run)
    if run.not_started and context.should_stop():
        raise WorkerStopping
    if run.not_started:
        raise MigrationRunFailed(tally.failed, not_begun=len(run.not_started), locked=len(locked))
    return locked


def _end(run: Run) -> None:
    """Wait for all threads of the run, also after an error."""
    run.stop()
    for _ in run.rest():
        pass
