"""The first page of the operator's admin: how many tenants there are, in which state, and which are the biggest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Count
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from tenants.contrib.admin.limits import under_pressure
from tenants.contrib.admin.tenant_facts import Migrations, with_migrations
from tenants.models import Tenant
from tenants.names import schema_name
from tenants.postgresql.tenant_schemas import likely_biggest, sizes_in_bytes

BIGGEST = 5
"""How many tenants are listed by size."""

_MEASURED = 50
"""How many of them are measured to find those: looking at the files of a thousand would take a second."""

_ALWAYS_SHOWN = (Tenant.Status.ACTIVE, Tenant.Status.SUSPENDED)
"""The statuses whose figure is shown when it is 0 as well."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its name, and the list of tenants that it counts."""

    title: Any
    count: int
    url: str
    alarming: bool = False


def dashboard() -> dict[str, Any]:
    """Return the template context of the dashboard; the number of queries does not depend on that of tenants."""
    behind = Tenant.objects.filter(with_migrations(Migrations.BEHIND)).count()
    failed = Tenant.objects.filter(with_migrations(Migrations.FAILED)).count()
    return {
        "figures": _figures(behind, failed),
        "to_migrate": behind + failed,
        "biggest": _biggest(),
        "pressed": under_pressure(),
    }


def _figures(behind: int, failed: int) -> list[Figure]:
    counts = dict(Tenant.objects.order_by().values_list("status").annotate(Count("pk")))
    return [
        Figure(_("Tenants"), sum(counts.values()), _list_url()),
        *(
            Figure(status.label, counts.get(status, 0), _list_url(status__exact=status.value))
            for status in Tenant.Status
            if status in counts or status in _ALWAYS_SHOWN
        ),
        Figure(_("Behind on migrations"), behind, _list_url(migrations=Migrations.BEHIND), behind > 0),
        Figure(_("Migration failed"), failed, _list_url(migrations=Migrations.FAILED), failed > 0),
    ]


def _biggest() -> list[tuple[Tenant, int]]:
    schemas = {schema_name(pk): pk for pk in Tenant.objects.order_by().values_list("pk", flat=True)}
    sizes = sizes_in_bytes(likely_biggest(schemas, _MEASURED))
    names = sorted(sizes, key=lambda name: (-sizes[name], schemas[name]))[:BIGGEST]
    tenants = Tenant.objects.in_bulk([schemas[name] for name in names])
    return [(tenants[schemas[name]], sizes[name]) for name in names]


def _list_url(**filters: str) -> str:
    url = reverse("admin:tenants_tenant_changelist")
    return f"{url}?{urlencode(filters)}" if filters else url
