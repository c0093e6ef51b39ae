"""What a tenant may take of the machine, and how often it wanted more, in the operator's admin."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import Sum
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.decorators import display

from tenants.contrib.admin.forms import OWN_LIMITS
from tenants.contrib.admin.tenant_create_view import actor
from tenants.contrib.admin.tenant_facts import Facts
from tenants.contrib.limits.models import LimitHit
from tenants.lifecycle.audit import acting_as, record
from tenants.limits import Limits
from tenants.models import Tenant
from tenants.registry.tenant_info import info_of

LIMITS_FIELDSET = (
    _("Limits"),
    {
        "fields": ["plan", "limits_in_force", "pressure", *OWN_LIMITS],
        "description": _("What one shop may take of each process. Empty: as its plan says. 0: no limit."),
    },
)
LIMITS_READONLY = ("limits_in_force", "pressure")

_LOOKED_BACK = timedelta(hours=24)
_WORST = 5
"""How many tenants the dashboard names."""


class LimitsAdmin(ModelAdmin):
    """The part of the tenants' admin that is about limits."""

    def save_model(self, request: HttpRequest, obj: Tenant, form: Any, change: bool) -> None:
        """Save, and write into the log what the limits were changed to."""
        super().save_model(request, obj, form, change)
        changed = {name: getattr(obj, name) for name in ("plan", *OWN_LIMITS) if name in form.changed_data}
        if changed:
            with acting_as(actor(request)):
                record("limits", info_of(obj), **changed)

    @display(description=_("in force now"))
    def limits_in_force(self, tenant: Tenant) -> str:
        facts: Facts = tenant.facts  # type: ignore[attr-defined]
        return _in_words(facts.info.limits)

    @display(description=_("met in the last 24 hours"))
    def pressure(self, tenant: Tenant) -> str:
        sums = _sums(tenant=tenant.pk)
        return _told(sums[0]) if sums else gettext("Not once.")


def _in_words(limits: Limits) -> str:
    parts = []
    if limits.concurrency:
        parts.append(ngettext("%d request at once", "%d requests at once", limits.concurrency) % limits.concurrency)
        parts.append(ngettext("%d waits in line", "%d wait in line", limits.queue) % limits.queue)
    if limits.rate:
        parts.append(ngettext("%d request a second", "%d requests a second", limits.rate) % limits.rate)
        burst = max(limits.rate, limits.burst)
        parts.append(ngettext("%d in a burst", "%d in a burst", burst) % burst)
    if limits.statement_seconds:
        text = ngettext("%d second for a statement", "%d seconds for a statement", limits.statement_seconds)
        parts.append(text % limits.statement_seconds)
    return ", ".join(parts) or gettext("No limits.")


def _sums(**filters: Any) -> list[dict[str, Any]]:
    """Return, tenant by tenant, what was counted lately."""
    lately = LimitHit.objects.filter(hour__gt=timezone.now() - _LOOKED_BACK, **filters)
    sums = {"rate": Sum("refused_rate"), "concurrency": Sum("refused_concurrency"), "statements": Sum("cut_statements")}
    return [dict(row) for row in lately.values("tenant").annotate(**sums)]


def _told(sums: dict[str, Any]) -> str:
    rate, concurrency, statements = sums["rate"], sums["concurrency"], sums["statements"]
    texts = (
        (rate, ngettext("%d request too many in a short time", "%d requests too many in a short time", rate)),
        (concurrency, ngettext("%d request too many at once", "%d requests too many at once", concurrency)),
        (statements, ngettext("%d statement took too long", "%d statements took too long", statements)),
    )
    return ", ".join(text % number for number, text in texts if number)


def under_pressure() -> list[tuple[Tenant, str]]:
    """Return the tenants that met their limits most often in the last 24 hours, each with how; two queries."""
    worst = sorted(_sums(), key=lambda sums: -(sums["rate"] + sums["concurrency"] + sums["statements"]))[:_WORST]
    tenants = Tenant.objects.in_bulk([sums["tenant"] for sums in worst])
    return [(tenants[sums["tenant"]], _told(sums)) for sums in worst]
