"""Limits and throttled requests of a tenant, in the operator's admin."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import Sum
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from tenants.contrib.admin.forms import LIMIT_FIELDS
from tenants.contrib.admin.tenant_columns import summary_of
from tenants.contrib.limits.models import LimitHit
from tenants.models import Tenant

_WINDOW = timedelta(hours=24)
_MOST_THROTTLED = 5


@display(description=_("in force"))
def limits_in_force(tenant: Tenant) -> str:
    limits = summary_of(tenant).info.limits
    parts = []
    if limits.concurrency:
        text = ngettext("%d concurrent request", "%d concurrent requests", limits.concurrency)
        parts.append(text % limits.concurrency)
        parts.append(ngettext("%d queued", "%d queued", limits.queue) % limits.queue)
    if limits.rate:
        parts.append(ngettext("%d request per second", "%d requests per second", limits.rate) % limits.rate)
        burst = max(limits.rate, limits.burst)
        parts.append(ngettext("burst of %d", "burst of %d", burst) % burst)
    if limits.statement_seconds:
        text = ngettext("%d second per SQL statement", "%d seconds per SQL statement", limits.statement_seconds)
        parts.append(text % limits.statement_seconds)
    return ", ".join(parts) or gettext("No limits.")


@display(description=_("throttled in the last 24 hours"))
def throttled(tenant: Tenant) -> str:
    counts = _counts(tenant=tenant.pk)
    return _text(counts[0]) if counts else gettext("Never")


READONLY_FIELDS = (limits_in_force, throttled)
FIELDSET = (
    _("Limits"),
    {
        "fields": ["plan", *READONLY_FIELDS, *LIMIT_FIELDS],
        "description": _("For each process of the web server. Empty: as in the plan. 0: no limit."),
    },
)


def most_throttled() -> list[tuple[Tenant, str]]:
    """Return the tenants with the most throttled requests in the last 24 hours, each with a text; two queries."""
    counts = sorted(_counts(), key=lambda row: -(row["rate"] + row["concurrency"] + row["statements"]))
    counts = counts[:_MOST_THROTTLED]
    tenants = Tenant.objects.in_bulk([row["tenant"] for row in counts])
    return [(tenants[row["tenant"]], _text(row)) for row in counts]


def _counts(**filters: Any) -> list[dict[str, Any]]:
    recent = LimitHit.objects.filter(hour__gt=timezone.now() - _WINDOW, **filters)
    sums = {"rate": Sum("refused_rate"), "concurrency": Sum("refused_concurrency"), "statements": Sum("cut_statements")}
    return [dict(row) for row in recent.values("tenant").annotate(**sums)]


def _text(counts: dict[str, Any]) -> str:
    rate, concurrency, statements = counts["rate"], counts["concurrency"], counts["statements"]
    texts = (
        (rate, ngettext("%d request over the rate limit", "%d requests over the rate limit", rate)),
        (
            concurrency,
            ngettext("%d request over the concurrency limit", "%d requests over the concurrency limit", concurrency),
        ),
        (statements, ngettext("%d SQL statement timed out", "%d SQL statements timed out", statements)),
    )
    return ", ".join(text % number for number, text in texts if number)
