"""The operation `migrate`: a run over all tenants that are behind, or over those that are named."""

from __future__ import annotations

import time
from collections import deque
from typing import Any

from tenants.context import TenantInfo
from tenants.errors import MigrationRunFailed
from tenants.migrator.apply import Outcome
from tenants.migrator.runner import Run, RunOptions, find_behind
from tenants.tasks.context import Stopped, Work

_FAILURES_KEPT = 50
_LAST_KEPT = 8
_ERROR_KEPT = 500

_ROUNDS = 5
"""How often a tenant is come back to that another run has in hand."""
_SECONDS_BETWEEN_ROUNDS = 1.0


class Tally:
    """What came of the tenants so far, in the form of `Operation.report`."""

    def __init__(self) -> None:
        self.migrated = 0
        self.failed: list[str] = []
        self._failures: list[dict[str, Any]] = []
        self._last: deque[dict[str, Any]] = deque(maxlen=_LAST_KEPT)

    def add(self, outcome: Outcome) -> None:
        """Count a tenant that is settled."""
        slug = outcome.tenant.slug
        if outcome.failed:
            self.failed.append(slug)
        elif not outcome.was_current:
            self.migrated += 1
        if outcome.failed and len(self._failures) < _FAILURES_KEPT:
            self._failures.append({"slug": slug, "tenant": outcome.tenant.id, "error": outcome.error[:_ERROR_KEPT]})
        seconds = round(outcome.seconds, 3)
        self._last.append({"slug": slug, "failed": outcome.failed, "applied": len(outcome.applied), "seconds": seconds})

    def report(self, elsewhere: int) -> dict[str, Any]:
        """Return the figures, the first failures and the last outcomes, fit for JSON."""
        return {
            "migrated": self.migrated,
            "failed": len(self.failed),
            "elsewhere": elsewhere,
            "failures": self._failures,
            "last": list(self._last),
        }


def migrate(work: Work) -> str:
    """Migrate the tenants that the argument `slugs` named when it was asked for, or all that are behind.

    Each outcome is told as it comes. Other arguments are `jobs`, `lock_timeout` and `max_failures`, as in
    `RunOptions`. Raises `MigrationRunFailed` if some are left as they were.
    """
    arguments = work.arguments
    arguments.pop("slugs", None)
    options = RunOptions(**arguments)
    ids = work.operation.tenant_ids
    _, due = find_behind(**({} if ids is None else {"pk__in": ids}))
    # When it is taken up again, those that were migrated before are not behind any more, and count as done.
    total = max(work.operation.total, len(due))
    tally = Tally()
    for _ in range(_ROUNDS):
        due = _go_round(work, due, total, options, tally)
        if not due:
            break
        time.sleep(_SECONDS_BETWEEN_ROUNDS)
        _, due = find_behind(pk__in=[tenant.id for tenant in due])
    work.note(total - len(due), total, tally.report(len(due)))
    if tally.failed or due:
        raise MigrationRunFailed(tally.failed, locked=len(due))
    return ""


def _go_round(work: Work, due: list[TenantInfo], total: int, options: RunOptions, tally: Tally) -> list[TenantInfo]:
    """Migrate those that are due and return those that another run has in hand."""
    elsewhere: list[TenantInfo] = []
    done = total - len(due)
    work.note(done, total, tally.report(0))
    run = Run(due, options)
    try:
        for outcome in run:
            if outcome.locked:
                elsewhere.append(outcome.tenant)
            else:
                tally.add(outcome)
                done += 1
            work.note(done, total, tally.report(len(elsewhere)))
            if work.should_stop():
                run.stop()
    finally:
        _end(run)
    if run.not_begun and work.should_stop():
        raise Stopped
    if run.not_begun:
        raise MigrationRunFailed(tally.failed, not_begun=len(run.not_begun), locked=len(elsewhere))
    return elsewhere


def _end(run: Run) -> None:
    """Leave no thread of the run behind, also where something went wrong beside it."""
    run.stop()
    for _ in run.rest():
        pass
