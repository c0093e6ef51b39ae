"""Progress of an operation as template context: counts, rate, failures. Used by its page and by the page's script."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from tenants.contrib.admin.dashboard import Figure
from tenants.models import Operation
from tenants.tasks import KINDS
from tenants.tasks.queue import has_worker

STATE_COLORS = {
    Operation.State.WAITING: "warning",
    Operation.State.RUNNING: "info",
    Operation.State.DONE: "success",
    Operation.State.FAILED: "danger",
}


def title_of(operation: Operation) -> str:
    kind = KINDS.get(operation.kind)
    title = str(kind.title) if kind else operation.kind  # an operation of an older release
    return f"{title}: {operation.slug}" if operation.slug else title


def panel_of(operation: Operation) -> dict[str, Any]:
    """Return the template context of `tenants/admin/operation_panel.html`."""
    failures = operation.report.get("failures", [])
    is_waiting = operation.state == Operation.State.WAITING
    return {
        "operation": operation,
        "state_type": STATE_COLORS[Operation.State(operation.state)],
        "counts": counts_of(operation),
        "pace": " · ".join(_pace(operation)),
        "figures": _figures(operation.report),
        "failures": failures,
        "more_failures": max(0, operation.report.get("failed", 0) - len(failures)),
        "last": list(reversed(operation.report.get("last", []))),
        "lacks_worker": is_waiting and not has_worker(),
        "lacks_release": is_waiting and has_worker() and not has_worker(operation.release),
    }


def counts_of(operation: Operation) -> str:
    if not operation.total:
        return ""
    counts = {"done": operation.done, "total": operation.total}
    return gettext("%(done)s of %(total)s") % {
        name: number_format(count, force_grouping=True) for name, count in counts.items()
    }


def _pace(operation: Operation) -> list[str]:
    if operation.is_finished:
        started, finished = operation.started_at, operation.finished_at
        return [gettext("took %s") % duration_text(finished - started)] if started and finished else []
    if operation.state == Operation.State.WAITING or operation.started_at is None:
        return []
    parts = []
    rate = operation.report.get("rate", 0.0)
    if rate:
        parts.append(gettext("%s per second") % number_format(rate, decimal_pos=0 if rate >= 10 else 1))
        left = timedelta(seconds=(operation.total - operation.done) / rate)
        parts.append(gettext("about %s remaining") % duration_text(left))
    parts.append(gettext("%s elapsed") % duration_text(timezone.now() - operation.started_at))
    return parts


def duration_text(duration: timedelta) -> str:
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
    if report["locked"]:
        figures.append(Figure(_("Locked by another run"), report["locked"]))
    return figures
