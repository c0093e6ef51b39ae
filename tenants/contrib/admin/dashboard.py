"""The dashboard of the operator's admin: numbers of tenants by status, throttled tenants, and the largest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db.models import Count
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from tenants.contrib.admin.tenant_summary import MigrationStatus, migration_filter
from tenants.models import Tenant
from tenants.names import schema_name
from tenants.postgresql.tenant_schemas import likely_biggest, sizes_in_bytes

_LARGEST = 5
# PostgreSQL needs a second to measure a thousand schemas, so only the most likely ones are measured.
_MEASURED = 50
# Shown even if there are none.
_ALWAYS_SHOWN = (Tenant.Status.ACTIVE, Tenant.Status.SUSPENDED)


@dataclass(frozen=True, slots=True)
class Figure:
    title: Any
    count: int
    is_alarming: bool = False
    url: str = ""


def dashboard() -> dict[str, Any]:
    """Return the template context; the number of queries is constant."""
    behind = Tenant.objects.filter(migration_filter(MigrationStatus.BEHIND)).count()
    failed = Tenant.objects.filter(migration_filter(MigrationStatus.FAILED)).count()
    return {
        "figures": _figures(behind, failed),
        "to_migrate": behind + failed,
        "largest": _largest(),
        "throttled": _throttled(),
    }


def _throttled() -> list[tuple[Tenant, str]]:
    if not apps.is_installed("tenants.contrib.limits"):
        return []
    from tenants.contrib.admin.limits import most_throttled

    return most_throttled()


def _figures(behind: int, failed: int) -> list[Figure]:
    counts = dict(Tenant.objects.order_by().values_list("status").annotate(Count("pk")))
    return [
        Figure(_("Tenants"), sum(counts.values()), url=_list_url()),
        *(
            Figure(status.label, counts.get(status, 0), url=_list_url(status__exact=status.value))
            for status in Tenant.Status
            if status in counts or status in _ALWAYS_SHOWN
        ),
        Figure(_("Pending migrations"), behind, behind > 0, _list_url(migrations=MigrationStatus.BEHIND)),
        Figure(_("Failed migrations"), failed, failed > 0, _list_url(migrations=MigrationStatus.FAILED)),
    ]


def _largest() -> list[tuple[Tenant, int]]:
    schemas = {schema_name(pk): pk for pk in Tenant.objects.order_by().values_list("pk", flat=True)}
    sizes = sizes_in_bytes(likely_biggest(schemas, _MEASURED))
    names = sorted(sizes, key=lambda name: (-sizes[name], schemas[name]))[:_LARGEST]
    tenants = Tenant.objects.in_bulk([schemas[name] for name in names])
    return [(tenants[schemas[name]], sizes[name]) for name in names]


def _list_url(**filters: str) -> str:
    url = reverse("admin:tenants_tenant_changelist")
    return f"{url}?{urlencode(filters)}" if filters else url
