"""Migration status table: the last applied migration of each app in each tenant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tenants.context import TenantInfo
from tenants.isolation.app_placement import variant_app_labels
from tenants.migrator.history import SchemaHistory
from tenants.models.code_release import Key, disk_loader
from tenants.variants.discovery import DEFAULT, known_variants


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One app in one schema."""

    last: str
    """The last applied migration; empty: none."""
    missing: int
    """The number of migrations that are not applied."""

    @property
    def text(self) -> str:
        """`0003`, or `0001 +2` if two migrations are missing."""
        last = self.last.partition("_")[0] or "none"
        return f"{last} +{self.missing}" if self.missing else last


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    slug: str
    apps: dict[str, Cell]


def status_table(tenants: Sequence[TenantInfo]) -> Iterator[Row]:
    """Yield a row for each tenant, with one query each."""
    for tenant in tenants:
        applied = SchemaHistory.read(tenant).applied
        yield Row(slug=tenant.slug, apps={label: _cell(label, applied) for label in _migrated_labels(tenant)})


def _migrated_labels(tenant: TenantInfo) -> list[str]:
    variant = tenant.variant if tenant.variant in known_variants() else DEFAULT
    return sorted(variant_app_labels(variant) & disk_loader().migrated_apps)


def _cell(label: str, applied: frozenset[Key]) -> Cell:
    graph = disk_loader().graph
    (leaf,) = graph.leaf_nodes(label)
    wanted = [key for key in graph.forwards_plan(leaf) if key[0] == label]
    done = [key for key in wanted if key in applied]
    return Cell(last=done[-1][1] if done else "", missing=len(wanted) - len(done))
