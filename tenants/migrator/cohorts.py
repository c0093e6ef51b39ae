"""Cohorts: tenants with the same pending migrations."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from tenants.context import TenantInfo
from tenants.migrator.graph import AppliedExecutor, Target, targets_for
from tenants.migrator.history import SchemaHistory
from tenants.models.code_release import Key
from tenants.variants.discovery import known_variants


@dataclass(frozen=True, slots=True, kw_only=True)
class Cohort:
    tenants: tuple[TenantInfo, ...]
    due: tuple[str, ...]
    """Migrations as `app.name`, in order; with a minus if they will be unapplied."""


def cohorts(tenants: Sequence[TenantInfo], targets: tuple[Target, ...] | None) -> list[Cohort]:
    """Group tenants by pending migrations, the largest group first, with one query for each tenant."""
    members: dict[tuple[frozenset[Key], tuple[Target, ...]], list[TenantInfo]] = defaultdict(list)
    by_what_is_due: dict[tuple[str, ...], list[TenantInfo]] = defaultdict(list)
    for tenant in tenants:
        if tenant.variant not in known_variants():
            by_what_is_due[(f"nothing: this code has no variant {tenant.variant!r}",)].append(tenant)
            continue
        members[SchemaHistory.read(tenant).applied, targets or targets_for(tenant)].append(tenant)
    for key, group in members.items():
        by_what_is_due[_due(*key)] += group
    found = [Cohort(tenants=tuple(group), due=due) for due, group in by_what_is_due.items()]
    return sorted(found, key=lambda cohort: -len(cohort.tenants))


def _due(recorded: frozenset[Key], targets: tuple[Target, ...]) -> tuple[str, ...]:
    plan = AppliedExecutor(recorded).migration_plan(list(targets))
    return tuple(f"-{migration}" if backwards else str(migration) for migration, backwards in plan)
