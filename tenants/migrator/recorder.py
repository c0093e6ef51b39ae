"""Migration state in the control plane: the rows of `SchemaState` that are not written with a migration."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from django.db import OperationalError, connection
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now

from tenants.context import PLATFORM, TenantInfo, use_tenant
from tenants.models import SchemaState, Tenant
from tenants.models.code_release import release

# A small WAL record, since a commit without one would not wait for the disk.
_WRITE_WAL = "SELECT pg_logical_emit_message(true, 'tenants', 'migrated')"


def recorded_fingerprints(tenants: Iterable[TenantInfo], *, seconds: float) -> dict[int, str]:
    """Return the fingerprints that were recorded in the last `seconds`, by the tenant's id."""
    with use_tenant(PLATFORM):
        states = SchemaState.objects.filter(_in_the_last(seconds), tenant_id__in=[tenant.id for tenant in tenants])
        return dict(states.values_list("tenant_id", "fingerprint"))


def _in_the_last(seconds: float) -> Q:
    # By the server's clock, with one second for the message to arrive.
    return Q(finished_at__gt=Now() - timedelta(seconds=seconds + 1))


def wait_for_wal(tenants: Iterable[TenantInfo], *, seconds: float) -> None:
    """Wait until what was recorded of `tenants` in the last `seconds` is on disk.

    PostgreSQL writes its WAL in order, so one synchronous commit waits for all asynchronous ones before it. Raises
    `OperationalError` if the server is down, or has restarted and lost some of them.
    """
    with use_tenant(PLATFORM):
        with connection.cursor() as cursor:
            cursor.execute(_WRITE_WAL)
        # With a pooler, our connection survives a restart of the server.
        existing = Tenant.objects.filter(pk__in=[tenant.id for tenant in tenants])
        recorded = SchemaState.objects.filter(_in_the_last(seconds), tenant=OuterRef("pk"))
        lost = list(existing.filter(~Exists(recorded)).values_list("slug", flat=True).order_by("slug"))
    if lost:
        raise OperationalError(f"it has lost {', '.join(lost[:20])}{' and more' if len(lost) > 20 else ''}")


def mark_in_progress(tenant: TenantInfo) -> None:
    """Record that a tenant is outdated while a migration runs without a transaction."""
    with use_tenant(PLATFORM):
        SchemaState.objects.filter(tenant_id=tenant.id).update(fingerprint="", release=release())


def mark_failed(tenant: TenantInfo, error: str, seconds: float) -> None:
    """Record that a tenant's migration failed; its fingerprint does not change."""
    with use_tenant(PLATFORM):
        SchemaState.objects.update_or_create(
            tenant_id=tenant.id,
            defaults={
                "outcome": SchemaState.Outcome.FAILED,
                "error": error,
                "seconds": seconds,
                "finished_at": Now(),
            },
        )
