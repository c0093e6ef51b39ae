"""Responses before a tenant is active: unknown host, suspended, moved or outdated tenant, database out of reach."""

from __future__ import annotations

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from tenants.conf import tenancy
from tenants.context import TenantInfo
from tenants.http import responses
from tenants.http.maintenance_bypass import enter_by_link, has_bypass
from tenants.http.overload import overload_response
from tenants.migrator.graph import target_fingerprint
from tenants.postgresql.overload import OverloadReason
from tenants.registry.resolver import HostStatus, Resolution
from tenants.variants.discovery import known_variants


def early_response(request: HttpRequest, resolution: Resolution | OverloadReason) -> HttpResponseBase | None:
    """Return the response to a request that reaches no tenant, or None where one answers."""
    if isinstance(resolution, OverloadReason):
        return overload_response(request, None, resolution)
    tenant = resolution.tenant
    if tenant is None:
        return responses.unknown_host(request)
    request.resolved_tenant = tenant  # type: ignore[attr-defined]  # the log names it for early responses too
    if resolution.status is HostStatus.SUSPENDED and not has_bypass(request, tenant):
        return enter_by_link(request, tenant) or responses.suspended(request, tenant)
    if resolution.status is HostStatus.MOVED:
        return responses.moved(request, tenant)
    if is_refused_as_behind(tenant):
        return responses.updating(request, tenant)
    return None


def is_refused_as_behind(tenant: TenantInfo) -> bool:
    """Return whether a tenant gets 503 because its schema is behind, or does not fit this code."""
    if tenant.variant not in known_variants():
        return True  # a newer release has migrated it
    if tenant.is_platform or tenancy().when_behind == "serve":
        return False
    return tenant.fingerprint != target_fingerprint(tenant.variant)
