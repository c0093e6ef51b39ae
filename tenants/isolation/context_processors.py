"""Context processor with the active tenant, for `TEMPLATES`."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from tenants.context import active_tenant


def tenant(request: HttpRequest) -> dict[str, Any]:
    """Give templates the variable `tenant`: the active `TenantInfo`, or None."""
    return {"tenant": active_tenant()}
