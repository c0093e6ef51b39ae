"""The tenant of a task, in a header of its message."""

from __future__ import annotations

from typing import Any

from tenants.context import PLATFORM, TenantInfo
from tenants.registry.tenant_info import all_tenants

HEADER = "tenant"
"""Header with the tenant's id, or with its slug where a person has written it."""


def header_of(request: Any) -> int | str | None:
    """Return the header of a task's request; None: the task has no tenant."""
    found: int | str | None = (request.headers or {}).get(HEADER)
    return found


def find_owner(header: int | str) -> TenantInfo | None:
    """Return the tenant that a header names; None: it is deleted, or never existed."""
    if header == PLATFORM.id:
        return PLATFORM
    named = {"pk": header} if isinstance(header, int) else {"slug": header}
    found = next(iter(all_tenants(**named)), None)
    return found if found is not None and found.exists else None
