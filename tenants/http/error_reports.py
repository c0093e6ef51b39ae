"""Error reports that name the active tenant: Django's debug page and mails to admins."""

from __future__ import annotations

from typing import Any

from django.views.debug import ExceptionReporter

from tenants.context import TenantInfo, active_tenant
from tenants.isolation.logging import resolved_tenant
from tenants.postgresql.statement_settings import search_path


class TenantExceptionReporter(ExceptionReporter):
    """Adds a line about the tenant to the message of the exception. For `DEFAULT_EXCEPTION_REPORTER`."""

    def get_traceback_data(self) -> dict[str, Any]:
        data: dict[str, Any] = super().get_traceback_data()
        if self.exc_value is not None:
            tenant = active_tenant() or resolved_tenant(self.request)
            data["exception_notes"] = f"{data.get('exception_notes', '')}\n{_described(tenant)}"
        return data


def _described(tenant: TenantInfo | None) -> str:
    if tenant is None:
        return "Active tenant: none"
    where = f"search path {search_path(tenant.schema)}" if tenant.slug else "schema public"
    return f"Active tenant: {tenant} ({where}{f', role {tenant.role}' if tenant.role else ''})"
