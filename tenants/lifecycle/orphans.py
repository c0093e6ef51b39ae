"""Whether a number, of which there is a schema or a folder, is any tenant's."""

from __future__ import annotations

from django.db import connection, transaction

from tenants.context import PLATFORM, use_tenant
from tenants.migrator.history import LOCK_SPACE
from tenants.models import Tenant


def is_orphan(tenant_id: int) -> bool:
    """Tell whether there is no tenant of that id, and none of it is being made, which holds its claim."""
    with use_tenant(PLATFORM), transaction.atomic(), connection.cursor() as cursor:
        # The claim is let go when the row can be seen, so it is tried before the row is looked for.
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [LOCK_SPACE, tenant_id])
        (is_free,) = cursor.fetchone()
        return bool(is_free) and not Tenant.objects.filter(pk=tenant_id).exists()
