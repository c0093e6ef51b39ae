"""The operation `check`: what a crash left is mended, and what wants a look is told."""

from __future__ import annotations

from tenants.lifecycle.reconcile import reconcile_tenants
from tenants.migrator.verify import verify
from tenants.registry.tenant_info import all_tenants
from tenants.tasks.context import Work

_AT_ONCE = 50


def check(work: Work) -> str:
    """Mend what can be mended without a question, and return in words what was done and what is wrong.

    Nothing is dropped: a schema without a tenant is named, and somebody decides.
    """
    found = list(reconcile_tenants())
    tenants = all_tenants()
    for start in range(0, len(tenants), _AT_ONCE):
        work.progress(start, len(tenants))
        found += [f"{finding.slug}: {finding.what}" for finding in verify(tenants[start : start + _AT_ONCE])]
    work.progress(len(tenants), len(tenants))
    return "\n".join(found) or "Everything is in its place."
