"""Request handler of the gateway: from a client's request to the response of a service."""

from __future__ import annotations

import logging
import time

from aiohttp import hdrs, web

from tenants.context import TenantInfo
from tenants.contrib.gateway.async_lookup import AsyncLookup
from tenants.contrib.gateway.auth import authenticate
from tenants.contrib.gateway.errors import GatewayError, from_service_failure, problem_response
from tenants.contrib.gateway.headers import get_client
from tenants.contrib.gateway.limits import GatewayLimits, RejectionPacer
from tenants.contrib.gateway.proxy import forward
from tenants.contrib.gateway.request_validation import is_websocket, reject_active_content, validated_host
from tenants.contrib.gateway.routing import (
    NOT_FOUND,
    ProxyRequest,
    Route,
    check_open,
    find_route,
    path_within_tenant,
)
from tenants.contrib.gateway.websockets import WebSocketRelay
from tenants.contrib.observability.conf import observability_settings
from tenants.contrib.observability.logs import access_log_enabled, log_request
from tenants.contrib.observability.request_context import RequestContext
from tenants.contrib.observability.tracing import Span, http_attributes, record_span
from tenants.contrib.services.errors import ServiceFailed
from tenants.contrib.services.metrics import CONTENT_TYPE, metrics_page
from tenants.contrib.services.stats import RequestStats
from tenants.contrib.services.types import ServiceInfo
from tenants.contrib.services.upstreams import Upstreams
from tenants.contrib.services.validators import INTERNAL_PREFIX
from tenants.redaction import loggable_path
from tenants.registry.resolver import UNKNOWN, HostStatus

logger = logging.getLogger(__name__)


class Gateway:
    """Answers all requests of one event loop."""

    def __init__(self) -> None:
        self.lookup = AsyncLookup()
        self.upstreams = Upstreams()
        self.websockets = WebSocketRelay()
        self.stats = RequestStats()
        """Counts of all requests, also of those that reach no service."""
        self._limits = GatewayLimits()
        self._pacer = RejectionPacer()

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Return the response of a service, or a problem."""
        started, context = time.perf_counter(), RequestContext.new()
        path = request.raw_path.partition("?")[0]
        resolution, service, response = UNKNOWN, None, None
        try:
            host = validated_host(request)
            if path.startswith(INTERNAL_PREFIX):
                response = _internal_page(request, path)
                return response
            resolution = await self.lookup.resolve(host, path)
            if resolution.tenant is not None:
                self._limits.check(resolution.tenant)
            route = find_route(path, resolution, await self.lookup.services())
            service = route.service
            if not service.runs_sangga:
                check_open(resolution, route.tenant, request.raw_path)
                reject_active_content(request)
            principal = await authenticate(request, route, self.lookup)
            proxied = ProxyRequest(request, context, route, principal, *get_client(request))
            response = await self._send(proxied, host, path)
        except ConnectionError:
            raise  # the client has left
        except Exception as error:
            response = await self._problem(error, request, context, resolution.tenant)
        finally:
            status = 499 if response is None else response.status
            seconds = time.perf_counter() - started
            self._record(request, context, resolution.tenant, service, status, seconds)
        return response

    async def _problem(
        self, error: Exception, request: web.BaseRequest, context: RequestContext, tenant: TenantInfo | None
    ) -> web.Response:
        """Return the response to an error; log one that is not expected."""
        path = request.raw_path.partition("?")[0]
        if isinstance(error, ServiceFailed):
            error = from_service_failure(error)
        elif not isinstance(error, GatewayError):
            extra = {"tenant": _log_name(tenant), "context": context}
            message = "Internal error at %s %s"
            logger.error(message, request.method, loggable_path(path), exc_info=error, extra=extra)
            error = GatewayError(500, "Internal error of the gateway.")
        if error.is_paced:
            await self._pacer.wait()
        return problem_response(error, context.request_id, path)

    async def _send(self, proxied: ProxyRequest, host: str, path: str) -> web.StreamResponse:
        """Send a request to its service within the limits of its tenant."""
        upstream = self.upstreams.get(proxied.route.service)
        admission = self._limits.admission(proxied.route.tenant, proxied.client)
        try:
            if not is_websocket(proxied.request):
                return await forward(proxied, upstream, admission)
            await admission.acquire()
            admission.release()  # it stays open for hours, and has its own limit
        finally:
            admission.release()

        async def is_allowed() -> bool:
            return await self._is_allowed(proxied.route, host, path)

        return await self.websockets.relay(proxied, upstream, is_allowed)

    async def _is_allowed(self, route: Route, host: str, path: str) -> bool:
        """Tell whether an open WebSocket would still be routed to its service, in the same epoch of its tenant."""
        try:
            resolution, services = await self.lookup.resolve(host, path), await self.lookup.services()
        except GatewayError:
            return True  # without the database nothing can have changed
        tenant, found = resolution.tenant, services.match(path_within_tenant(path, resolution))
        if tenant is None or found is None or resolution.status is not HostStatus.OPEN:
            return False
        is_same = (tenant.id, tenant.epoch, found[0]) == (route.tenant.id, route.tenant.epoch, route.service_prefix)
        return is_same and found[1].is_granted_to(tenant)

    def _record(
        self,
        request: web.BaseRequest,
        context: RequestContext,
        tenant: TenantInfo | None,
        service: ServiceInfo | None,
        status: int,
        seconds: float,
    ) -> None:
        """Count the request, log it and record its span."""
        self.stats.record(status, seconds)
        if service is not None and (upstream := self.upstreams.by_name.get(service.name)):
            upstream.stats.record(status, seconds)
        if access_log_enabled() or observability_settings().otlp_endpoint:
            _log(request, context, _log_name(tenant), service.name if service else "", status, seconds)

    async def close(self) -> None:
        await self.websockets.close()
        await self.upstreams.close()
        self.lookup.close()


def _internal_page(request: web.BaseRequest, path: str) -> web.StreamResponse:
    """Return the page of health checks or metrics."""
    if path == f"{INTERNAL_PREFIX}health":
        return web.Response(text="ok\n", headers={"Cache-Control": "no-store"})
    if path == f"{INTERNAL_PREFIX}metrics":
        metrics = metrics_page(request.headers.get(hdrs.AUTHORIZATION, ""))
        if metrics is not None:
            return web.Response(body=metrics, headers={"Content-Type": CONTENT_TYPE})
    raise GatewayError(404, NOT_FOUND)


def _log(
    request: web.BaseRequest, context: RequestContext, tenant: str, service: str, status: int, seconds: float
) -> None:
    method, path = request.method, request.raw_path.partition("?")[0]
    log_request(context, tenant, method, path, status, seconds, service=service)
    attributes = http_attributes(tenant, method, path, status, context.request_id) | {"sangga.service": service}
    record_span(
        Span(
            name=f"{method} {service}".rstrip(), trace_id=context.trace_id, span_id=context.span_id, seconds=seconds,
            failed=status >= 500, attributes=attributes,
        )
    )  # fmt: skip


def _log_name(tenant: TenantInfo | None) -> str:
    return str(tenant.slug or "platform") if tenant else "-"
