"""Call of a service, as the service client makes it from its arguments and the context."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from json import dumps
from typing import Any

from aiohttp import hdrs
from yarl import URL

from tenants.context import TenantInfo, active_tenant
from tenants.contrib.observability.request_context import RequestContext, current_request_context
from tenants.errors import NoActiveTenant

_METHOD = re.compile(r"[A-Za-z]+(-[A-Za-z]+)*")
_NO_JSON = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceCall:
    """A call, before the service is looked up."""

    service: str
    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes | None
    timeout: float | None
    tenant: TenantInfo
    context: RequestContext
    as_tenant: bool
    """Whether the tenant's own code calls, not its visitor: in a job, a command, or a view that says so."""


def prepare(
    service: str,
    method: str,
    path: str,
    *,
    json: Any = _NO_JSON,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    params: Mapping[str, Any] | None = None,
    timeout: float | None = None,
    as_tenant: bool = False,
) -> ServiceCall:
    """Return the call with what the context adds; raise `NoActiveTenant` outside a tenant's context."""
    tenant = active_tenant()
    if tenant is None:
        raise NoActiveTenant(f"A call of the service {service!r}")
    if not path.startswith("/"):
        raise ValueError(f"Invalid path {path!r}: start it with a slash. The service's address is in the registry.")
    if not _METHOD.fullmatch(method):
        raise ValueError(f"Invalid HTTP method: {method!r}.")
    if json is not _NO_JSON:
        body = dumps(json).encode()
        headers = {hdrs.CONTENT_TYPE: "application/json", **(headers or {})}
    context = current_request_context()
    url = URL(path).update_query(params) if params else URL(path)
    return ServiceCall(
        service=service, method=method.upper(), target=url.raw_path_qs, headers=headers or {}, body=body,
        timeout=timeout, tenant=tenant, context=context or RequestContext.new(), as_tenant=as_tenant or context is None,
    )  # fmt: skip
