"""What an operation's page shows: how far it is, how fast, what failed. The same for the page and for its script."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from tenants.models import Operation
from tenants.tasks import KINDS
from tenants.tasks.queue import worker_is_there

STATE_LABELS = {
    Operation.State.WAITING: "warning",
    Operation.State.RUNNING: "info",
    Operation.State.DONE: "success",
    Operation.State.FAILED: "danger",
}


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its name."""

    title: Any
    count: int
    alarming: bool = False


def title_of(operation: Operation) -> str:
    """Return what an operation is called."""
    kind = KINDS.get(operation.kind)
    title = str(kind.title) if kind else operation.kind  # one that the code does not know any more
    return f"{title}: {operation.slug}" if operation.slug else title


def panel_of(operation: Operation) -> dict[str, Any]:
    """Return the template context of `tenants/admin/operation_panel.html`."""
    failures = operation.report.get("failures", [])
    is_waiting = operation.state == Operation.State.WAITING
    return {
        "operation": operation,
        "state_type": STATE_LABELS[Operation.State(operation.state)],
        "counts": counts_of(operation),
        "pace": " · ".join(_pace(operation)),
        "figures": _figures(operation.report),
        "failures": failures,
        "more_failures": max(0, operation.report.get("failed", 0) - len(failures)),
        "last": list(reversed(operation.report.get("last", []))),
        "lacks_worker": is_waiting and not worker_is_there(),
        "lacks_release": is_waiting and worker_is_there() and not worker_is_there(operation.release),
    }


def counts_of(operation: Operation) -> str:
    """Return how much is done of how much; empty as long as that is not known."""
    if not operation.total:
        return ""
    counts = {"done": operation.done, "total": operation.total}
    return gettext("%(done)s of %(total)s") % {
        name: number_format(count, force_grouping=True) for name, count in counts.items()
    }


def _pace(operation: Operation) -> list[str]:
    """Return rate, time to go and time taken, as far as they are known."""
    if operation.is_finished:
        started, finished = operation.started_at, operation.finished_at
        return [gettext("took %s") % span(finished - started)] if started and finished else []
    if operation.state == Operation.State.WAITING or operation.started_at is None:
        return []
    parts = []
    rate = operation.report.get("rate", 0.0)
    if rate:
        parts.append(gettext("%s per second") % number_format(rate, decimal_pos=0 if rate >= 10 else 1))
        left = timedelta(seconds=(operation.total - operation.done) / rate)
        parts.append(gettext("about %s to go") % span(left))
    parts.append(gettext("%s so far") % span(timezone.now() - operation.started_at))
    return parts


def span(duration: timedelta) -> str:
    """Return a duration in words, in the biggest unit that it has two of."""
    seconds = max(0, round(duration.total_seconds()))
    if seconds < 120:
        return ngettext("%d second", "%d seconds", seconds) % seconds
    minutes = round(seconds / 60)
    if minutes < 120:
        return ngettext("%d minute", "%d minutes", minutes) % minutes
    hours = round(minutes / 60)
    return ngettext("%d hour", "%d hours", hours) % hours


def _figures(report: dict[str, Any]) -> list[Figure]:
    if "migrated" not in report:
        return []
    figures = [Figure(_("Migrated"), report["migrated"]), Figure(_("Failed"), report["failed"], report["failed"] > 0)]
    if report["elsewhere"]:
        figures.append(Figure(_("In the hands of another run"), report["elsewhere"]))
    return figures
