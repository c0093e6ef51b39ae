"""Resolution of a request to its scope, or to the response that it gets where no tenant answers."""

from __future__ import annotations

from typing import cast

from asgiref.sync import sync_to_async
from django.db import OperationalError
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from tenants.errors import DatabaseUnavailable
from tenants.http.early_responses import early_response
from tenants.http.path_prefix import path_to_route
from tenants.http.request_host import host_of
from tenants.http.request_scope import RequestScope, new_scope
from tenants.http.security_headers import with_headers
from tenants.postgresql.overload import OverloadReason, log_overload, overload_reason
from tenants.registry.lookup import registry
from tenants.registry.resolver import UNKNOWN, Resolution, resolve, resolve_from_memory


def resolve_request(request: HttpRequest) -> RequestScope | HttpResponseBase:
    """Return the scope of a request whose host is not cached, or the response of an unavailable tenant."""
    generation, host = registry.generation, host_of(request)
    request.path_info = path_to_route(request.path_info)
    return _scope_or_response(request, host, _resolve(host, request.path_info), generation)


async def resolve_request_async(request: HttpRequest) -> RequestScope | HttpResponseBase:
    """Do the same without blocking: a thread queries the database, if memory does not know the host."""
    generation, host = registry.generation, host_of(request)
    request.path_info = path_to_route(request.path_info)
    resolution = _resolve_from_memory(host, request.path_info)
    if resolution is None:
        resolution = await sync_to_async(_resolve)(host, request.path_info)
    return _scope_or_response(request, host, resolution, generation)


def _resolve(host: str, path: str) -> Resolution | OverloadReason:
    """Return which tenant answers, or why the database does not say."""
    try:
        return resolve(host, path) if host else UNKNOWN
    except (OperationalError, DatabaseUnavailable) as error:
        reason = overload_reason(error)
        if reason is None:
            raise
        log_overload(reason, error)
        return reason


def _resolve_from_memory(host: str, path: str) -> Resolution | OverloadReason | None:
    return resolve_from_memory(host, path) if host else UNKNOWN


def _scope_or_response(
    request: HttpRequest, host: str, resolution: Resolution | OverloadReason, generation: int
) -> RequestScope | HttpResponseBase:
    if response := early_response(request, resolution):
        return with_headers(request, response)
    return new_scope(request, host, cast(Resolution, resolution), generation)
