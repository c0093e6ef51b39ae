"""Routing: the service that a request goes to, and the values that carry a request through the gateway."""

from __future__ import annotations

from typing import NamedTuple

from aiohttp import web

from tenants.conf import tenancy
from tenants.context import TenantInfo
from tenants.contrib.gateway.errors import GatewayError
from tenants.contrib.gateway.request_validation import decoded_path
from tenants.contrib.observability.principal import Principal
from tenants.contrib.observability.request_context import RequestContext
from tenants.contrib.services.registry import RegisteredServices
from tenants.contrib.services.types import ServiceInfo
from tenants.contrib.services.validators import INTERNAL_PREFIX
from tenants.http.path_prefix import path_to_route
from tenants.registry.resolver import HostStatus, Resolution

SUSPENDED_RETRY_AFTER = 300
"""Seconds, as on the page of a suspended shop."""

NOT_FOUND = "Nothing is available at this address."
"""For unknown hosts and for services that the tenant may not use: a client cannot tell them apart."""


class Route(NamedTuple):
    """The tenant and the service of a request. A tuple, because every request makes one."""

    tenant: TenantInfo
    service: ServiceInfo
    tenant_prefix: str
    """The start of the path that names the tenant; empty where the host names it."""
    service_prefix: str
    """The start of the rest that names the service."""


class ProxyRequest(NamedTuple):
    """A request that may be sent to its service."""

    request: web.BaseRequest
    context: RequestContext
    route: Route
    principal: Principal | None
    """None: the token is of a kind that only the service can verify."""
    client: str
    """The client's IP address."""
    scheme: str


def find_route(host_path: str, resolution: Resolution, services: RegisteredServices) -> Route:
    """Return the route of a path without query; raise `GatewayError` where no service is available to the tenant."""
    tenant = resolution.tenant
    if tenant is None:
        raise GatewayError(404, NOT_FOUND)
    path = path_within_tenant(host_path, resolution)
    found, decoded = services.match(path), decoded_path(path)
    if decoded is not path and services.match(decoded) != found:
        raise GatewayError(
            400,
            "The decoded path leads to another service. Send letters, digits and slashes unescaped, without empty "
            "segments, backslashes or semicolons.",
        )
    if found is None or not found[1].is_granted_to(tenant) or decoded.startswith(INTERNAL_PREFIX):
        raise GatewayError(404, NOT_FOUND)
    prefix, service = found
    return Route(tenant, service, resolution.prefix, prefix)


def path_within_tenant(path: str, resolution: Resolution) -> str:
    return path_to_route(path).removeprefix(resolution.prefix) or "/"


def check_open(resolution: Resolution, tenant: TenantInfo, target: str) -> None:
    """Raise `GatewayError` for a suspended tenant or a host that is not its primary one.

    A service of this code base does this itself. Others do not know the tenant's status.
    """
    if resolution.status is HostStatus.SUSPENDED:
        headers = {"Retry-After": str(SUSPENDED_RETRY_AFTER)}
        raise GatewayError(503, f"{tenant.name} is temporarily closed.", kind="closed", headers=headers)
    if resolution.status is HostStatus.MOVED:
        headers = {"Location": tenancy().url_of(tenant.host, target)}
        raise GatewayError(308, f"{tenant.name} has moved to {tenant.host}.", headers=headers)
