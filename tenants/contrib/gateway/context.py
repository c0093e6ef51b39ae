"""A request as it has arrived: what the gateway has found out about it so far."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from aiohttp import web

from tenants.context import TenantInfo
from tenants.contrib.observability.principal import Principal
from tenants.contrib.observability.request_context import Call
from tenants.contrib.services.types import ServiceInfo
from tenants.registry.resolver import path_to_route


@dataclass(slots=True)
class Arrival:
    """One request at the gateway."""

    request: web.BaseRequest
    call: Call = field(default_factory=Call.begin)
    """Begun here: whatever a client says of ids and traces is its own affair."""
    started: float = field(default_factory=time.perf_counter)
    path: str = field(init=False)
    """Of the request, without the query."""
    routed_path: str = field(init=False)
    """The same, with what names the tenant at its beginning."""
    host: str = ""
    tenant: TenantInfo | None = None
    tenant_prefix: str = ""
    """What of the path names the tenant, where it has no host of its own."""
    prefix: str = ""
    """What of the path within the tenant names the service."""
    service: ServiceInfo | None = None
    principal: Principal | None = None
    """None: a token that the service tells by itself, or nobody has looked yet."""

    def __post_init__(self) -> None:
        self.path = self.request.raw_path.partition("?")[0]
        self.routed_path = path_to_route(self.path)

    @property
    def path_within(self) -> str:
        """The path as it is within the tenant."""
        return self.routed_path.removeprefix(self.tenant_prefix) or "/"

    @property
    def seconds(self) -> float:
        """How long it has taken so far."""
        return time.perf_counter() - self.started
