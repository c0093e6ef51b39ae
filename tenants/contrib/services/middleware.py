"""Middleware of a service behind the gateway: verifies the signed identity, and sets the request context.

In a single process without gateway (SERVICE=all) it only sets a new request context.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from django.http import HttpRequest, HttpResponse, HttpResponseNotFound
from django.http.response import HttpResponseBase
from django.utils.encoding import escape_uri_path

from tenants.context import current_tenant
from tenants.contrib.limits.repeated_answers import forbid_repeats, may_be_repeated, when_repeated
from tenants.contrib.observability.conf import observability_settings
from tenants.contrib.observability.logs import access_log_enabled, log_request
from tenants.contrib.observability.principal import ANONYMOUS, Principal
from tenants.contrib.observability.request_context import RequestContext, use_request_context
from tenants.contrib.observability.tracing import Span, http_attributes, record_span
from tenants.contrib.services.errors import InvalidIdentity
from tenants.contrib.services.identity import HEADER, Identity, verify
from tenants.contrib.services.keys import service_keys
from tenants.contrib.services.metrics import CONTENT_TYPE, metrics_page, record_request
from tenants.contrib.services.validators import INTERNAL_PREFIX
from tenants.http.base_middleware import AsyncCompatibleMiddleware, Response
from tenants.http.problem_details import PROBLEM_CONTENT_TYPE, problem_body


class GatewayIdentityMiddleware(AsyncCompatibleMiddleware):
    """Follows `TenantMiddleware`. Sets `request.context`, and `request.principal` where a gateway signed it."""

    def __call__(self, request: HttpRequest) -> Response:
        if self.is_async:
            return self.__acall__(request)
        context = _context_or_response(request)
        if isinstance(context, HttpResponseBase):
            return context
        request.context = context  # type: ignore[attr-defined]
        with use_request_context(context), _recorded(request, context) as record:
            return record(self.get_response(request))

    async def __acall__(self, request: HttpRequest) -> HttpResponseBase:
        context = _context_or_response(request)
        if isinstance(context, HttpResponseBase):
            return context
        request.context = context  # type: ignore[attr-defined]
        with use_request_context(context), _recorded(request, context) as record:
            return record(await self.get_response(request))


@contextmanager
def _recorded(
    request: HttpRequest, context: RequestContext
) -> Iterator[Callable[[HttpResponseBase], HttpResponseBase]]:
    """Count and log one request; yield a function to call with its response."""
    began, status = time.perf_counter(), 500

    def record(response: HttpResponseBase) -> HttpResponseBase:
        nonlocal status
        status = response.status_code
        if may_be_repeated(response):
            _count_repeats(response)
        return response

    try:
        yield record
    finally:
        seconds = time.perf_counter() - began
        record_request(status, seconds)
        tenant = current_tenant()
        path = escape_uri_path(request.path)  # nearly as it was sent
        data = (tenant.slug or "platform", request.method or "", path, status)
        log_request(context, *data, seconds)
        if observability_settings().otlp_endpoint:
            attributes = http_attributes(*data, context.request_id)
            _record_span(request, context, attributes, seconds, failed=status >= 500)


def _count_repeats(response: HttpResponseBase) -> None:
    """Count each request that gets a kept rejection without this middleware, or forbid that it is kept."""
    config = observability_settings()
    if config.service != "all" or config.otlp_endpoint or access_log_enabled():
        forbid_repeats(response)  # each request has an identity to check, a span or a line in the access log
    else:
        when_repeated(response, partial(record_request, response.status_code, 0.0))


def _record_span(
    request: HttpRequest, context: RequestContext, attributes: dict[str, str | int], seconds: float, *, failed: bool
) -> None:
    # The route, not the path: an id in a span's name would make it one of millions.
    route = request.resolver_match.route if request.resolver_match else ""
    record_span(
        Span(
            name=f"{request.method} {route}".rstrip(), trace_id=context.trace_id, span_id=context.span_id,
            parent_id=context.parent_id, seconds=seconds, failed=failed, attributes=attributes,
        )
    )  # fmt: skip


def _context_or_response(request: HttpRequest) -> RequestContext | HttpResponseBase:
    """Return the request's context, or the response to a request that needs no view or is refused."""
    if request.path_info == f"{INTERNAL_PREFIX}health":
        return HttpResponse("ok\n", content_type="text/plain")
    if request.path_info == f"{INTERNAL_PREFIX}metrics":
        metrics = metrics_page(request.headers.get("Authorization", ""))
        return HttpResponseNotFound() if metrics is None else HttpResponse(metrics, content_type=CONTENT_TYPE)
    role = observability_settings().service
    if role == "all":
        return RequestContext.new(user=partial(_session_principal, request))
    try:
        identity = _verified_identity(request, role)
    except InvalidIdentity as error:
        body = problem_body(403, str(error), kind="identity-refused")
        return HttpResponse(body, status=403, content_type=PROBLEM_CONTENT_TYPE)
    request.principal = identity.principal  # type: ignore[attr-defined]
    return RequestContext.from_headers(request.headers, identity.principal, partial(_session_principal, request))


def _verified_identity(request: HttpRequest, role: str) -> Identity:
    identity = verify(request.headers.get(HEADER, ""), service=role, keys=service_keys(role))
    tenant = current_tenant()
    if (identity.tenant, identity.epoch) != (tenant.id, tenant.epoch):
        raise InvalidIdentity("it is for another tenant than the host")
    return identity


def _session_principal(request: HttpRequest) -> Principal:
    """Return the principal of the session; queries the database for the user."""
    user = getattr(request, "user", None)
    return Principal(user=str(user.pk)) if user is not None and user.is_authenticated else ANONYMOUS
