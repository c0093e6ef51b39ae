"""Logging filter that adds the tenant to each record, for `LOGGING`."""

from __future__ import annotations

import logging

from django.http import HttpRequest

from tenants.context import TenantInfo, active_tenant


class TenantLogFilter(logging.Filter):
    """Gives every record the attribute `tenant`: a slug, `platform` or `-`.

    Add it to handlers. A handler that passes records on to another thread, such as `QueueHandler`, needs it itself.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        if not hasattr(record, "tenant"):  # a filter in front of a queue has found it already
            # Django logs responses with a status of 400 or more after the tenant's block; their record has the request.
            tenant = resolved_tenant(getattr(record, "request", None)) or active_tenant()
            record.tenant = "-" if tenant is None else tenant.slug or "platform"
        return True


def resolved_tenant(request: object) -> TenantInfo | None:
    """Return the tenant of the request's host, also of a request that was refused; None for an unknown host."""
    found: TenantInfo | None = getattr(request, "resolved_tenant", None) or getattr(request, "tenant", None)
    return found if isinstance(request, HttpRequest) else None
