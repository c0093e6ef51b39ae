"""Operation `check`: repairs what a crash has left, and reports other problems."""

from __future__ import annotations

from tenants.lifecycle.reconcile import reconcile_tenants
from tenants.migrator.verify import verify
from tenants.registry.tenant_info import all_tenants
from tenants.tasks.context import TaskContext

_BATCH = 50


def check(context: TaskContext) -> str:
    """Repair what is safe to repair, and return repairs and problems as text. Nothing is dropped."""
    found = list(reconcile_tenants())
    tenants = all_tenants()
    for start in range(0, len(tenants), _BATCH):
        context.progress(start, len(tenants))
        found += [f"{finding.slug}: {finding.what}" for finding in verify(tenants[start : start + _BATCH])]
    context.progress(len(tenants), len(tenants))
    return "\n".join(found) or "No problems found."
