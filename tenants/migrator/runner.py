"""Migrating many tenants: who is behind, and each of them in turn. A failing tenant stops no other."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Sequence

from tenants.context import PLATFORM, TenantInfo, use_tenant
from tenants.migrator.apply import Outcome, migrate_tenant, write_state
from tenants.migrator.graph import Key, target_fingerprint
from tenants.models import SchemaState

logger = logging.getLogger(__name__)


def tenants_behind(tenants: Iterable[TenantInfo]) -> list[TenantInfo]:
    """Return those of `tenants` whose schema is not where the code is; one query for any number."""
    with use_tenant(PLATFORM):
        states = dict(SchemaState.objects.values_list("tenant_id", "fingerprint"))
    targets: dict[str, str] = {}
    behind = []
    for tenant in tenants:
        if tenant.variant not in targets:
            targets[tenant.variant] = target_fingerprint(tenant)
        if states.get(tenant.id) != targets[tenant.variant]:
            behind.append(tenant)
    return behind


def migrate_all(tenants: Iterable[TenantInfo], targets: Sequence[Key] | None = None) -> Iterator[Outcome]:
    """Migrate each tenant, and yield what happened to it as soon as that is known."""
    for tenant in tenants:
        started = time.monotonic()
        try:
            yield migrate_tenant(tenant, targets)
        except Exception as error:  # whatever a migration raises is that tenant's outcome, and no other's
            logger.exception("Tenant %s could not be migrated", tenant.slug)
            seconds = time.monotonic() - started
            text = f"{type(error).__name__}: {error}".strip()
            write_state(tenant, outcome=SchemaState.Outcome.FAILED, error=text, seconds=seconds)
            yield Outcome(tenant=tenant, error=text, seconds=seconds)
