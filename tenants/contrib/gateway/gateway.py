"""The gateway's one handler: from a request to its tenant, its service, and the answer."""

from __future__ import annotations

import asyncio
import logging

from aiohttp import hdrs, web

from tenants.conf import tenancy
from tenants.context import TenantInfo
from tenants.contrib.gateway.async_lookup import Lookups
from tenants.contrib.gateway.auth import check_scopes, check_token_is_known, principal_of, token_of
from tenants.contrib.gateway.context import Arrival
from tenants.contrib.gateway.errors import Refused, problem, refusal_of
from tenants.contrib.gateway.headers import client_of
from tenants.contrib.gateway.limits import GatewayLimits, SpreadRefusals
from tenants.contrib.gateway.proxy import forward
from tenants.contrib.gateway.request_validation import as_read, check_runs_nowhere_else, check_shape, host_of
from tenants.contrib.gateway.websockets import Sockets, is_websocket
from tenants.contrib.observability.conf import observability_settings
from tenants.contrib.observability.logs import note_request, notes_requests
from tenants.contrib.observability.tracing import Step, http_facts, note_step
from tenants.contrib.services.directory import Services
from tenants.contrib.services.errors import ServiceFailed
from tenants.contrib.services.metrics import CONTENT_TYPE, page
from tenants.contrib.services.stats import Tally
from tenants.contrib.services.types import ServiceInfo
from tenants.contrib.services.upstreams import Upstreams
from tenants.contrib.services.validators import OWN_PREFIX
from tenants.redaction import loggable_path
from tenants.registry.resolver import HostStatus, Resolution

logger = logging.getLogger(__name__)

CLOSED_FOR = 300
"""Seconds after which a suspended shop may be asked again, as its own page says."""


class Gateway:
    """Answers every request that comes in. Belongs to one event loop."""

    def __init__(self) -> None:
        self.lookups = Lookups()
        self.upstreams = Upstreams()
        self.sockets = Sockets(self._may_stay)
        self.tally = Tally()
        """Of everything that was asked, also of what led to no service."""
        self._limits = GatewayLimits()
        self._spread = SpreadRefusals()

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Return what the client gets; whatever goes wrong is told as a problem."""
        arrival = Arrival(request)
        status = 499  # the client leaves before there is an answer
        try:
            response = await self._answer(arrival)
            status = response.status
            return response
        except Refused as refused:
            if refused.is_spread:
                await self._spread.turn()
            status = refused.status
            return self._problem(arrival, refused)
        except ServiceFailed as error:
            status = error.status
            return self._problem(arrival, refusal_of(error))
        except (asyncio.CancelledError, ConnectionError):
            raise
        except Exception:
            status = 500
            extra = {"tenant": _named(arrival), "call": arrival.call}
            logger.exception("The gateway failed at %s %s", request.method, loggable_path(arrival.path), extra=extra)
            return self._problem(arrival, Refused(500, "The gateway failed. The error was written to its log."))
        finally:
            self._note(arrival, status)

    async def _answer(self, arrival: Arrival) -> web.StreamResponse:
        check_shape(arrival.request)
        arrival.host = host_of(arrival.request)
        if arrival.path.startswith(OWN_PREFIX):
            return self._own_page(arrival)
        resolution = await self.lookups.resolve(arrival.host, arrival.routed_path)
        arrival.tenant = _known_tenant(resolution)
        arrival.tenant_prefix = resolution.prefix
        self._limits.check(arrival.tenant)
        service = _service_of(arrival, arrival.tenant, await self.lookups.services())
        if not service.runs_sangga:
            _check_door(arrival, resolution, arrival.tenant)
            check_runs_nowhere_else(arrival.request)
        token = token_of(arrival.request)
        arrival.principal = await principal_of(token, arrival.tenant, resolution.prefix, self.lookups)
        check_token_is_known(service, arrival.principal)
        check_scopes(service, arrival.principal)
        entry = self._limits.entry_of(arrival.tenant, client_of(arrival.request)[0])
        try:
            if is_websocket(arrival.request):
                await entry.enter()
                entry.leave()  # it stays for hours, and is bounded by itself
                return await self.sockets.relay(arrival, self.upstreams.of(service))
            return await forward(arrival, self.upstreams.of(service), entry)
        finally:
            entry.leave()

    async def _may_stay(self, arrival: Arrival) -> bool:
        """Tell whether who has a WebSocket open is still served by that service, in the same epoch."""
        try:
            resolution = await self.lookups.resolve(arrival.host, arrival.routed_path)
            found = (await self.lookups.services()).at(arrival.path_within)
        except Refused:
            return True  # the database does not say: nobody can have changed it
        now, before = resolution.tenant, arrival.tenant
        if now is None or before is None or found is None or resolution.status is not HostStatus.OPEN:
            return False
        is_same = (now.id, now.epoch, found[0]) == (before.id, before.epoch, arrival.prefix)
        return is_same and found[1].is_granted_to(now)

    def _own_page(self, arrival: Arrival) -> web.StreamResponse:
        if arrival.path == f"{OWN_PREFIX}health":
            return web.Response(text="ok\n", headers={"Cache-Control": "no-store"})
        if arrival.path == f"{OWN_PREFIX}metrics":
            metrics = page(arrival.request.headers.get(hdrs.AUTHORIZATION, ""))
            if metrics is not None:
                return web.Response(body=metrics, headers={"Content-Type": CONTENT_TYPE})
        raise Refused(404, "There is nothing at this address.")

    def _problem(self, arrival: Arrival, refused: Refused) -> web.StreamResponse:
        return problem(refused, arrival.call.request_id, arrival.path)

    def _note(self, arrival: Arrival, status: int) -> None:
        """Count the request, and log it."""
        seconds, service = arrival.seconds, arrival.service
        self.tally.note(status, seconds)
        if service is not None and (upstream := self.upstreams.by_name.get(service.name)):
            upstream.tally.note(status, seconds)
        if not notes_requests() and not observability_settings().otlp_endpoint:
            return
        self._tell(arrival, status, seconds, service.name if service else "")

    def _tell(self, arrival: Arrival, status: int, seconds: float, service: str) -> None:
        """Log the request, and have its span exported."""
        call, method = arrival.call, arrival.request.method
        tenant = _named(arrival)
        note_request(call, tenant, method, arrival.path, status, seconds, service=service)
        facts = http_facts(tenant, method, arrival.path, status, call.request_id) | {"sangga.service": service}
        note_step(
            Step(
                name=f"{method} {service}".rstrip(), trace_id=call.trace_id, span_id=call.span_id, seconds=seconds,
                failed=status >= 500, facts=facts,
            )
        )  # fmt: skip

    async def close(self) -> None:
        """Let go of everything."""
        await self.sockets.close()
        await self.upstreams.close()
        self.lookups.close()


def _named(arrival: Arrival) -> str:
    """Return how logs name the tenant of a request."""
    return str(arrival.tenant.slug or "platform") if arrival.tenant else "-"


def _known_tenant(resolution: Resolution) -> TenantInfo:
    if resolution.tenant is None:
        raise Refused(404, "There is nothing at this address.")
    return resolution.tenant


def _service_of(arrival: Arrival, tenant: TenantInfo, services: Services) -> ServiceInfo:
    """Return the service that a path leads to; raise `Refused` where there is none for this tenant."""
    path = arrival.path_within
    found, read = services.at(path), as_read(path)
    if read is not path and services.at(read) != found:
        raise Refused(
            400,
            "The path leads elsewhere once it is decoded. Send it without escapes of letters, digits and slashes, "
            "without empty segments, backslashes and semicolons.",
        )
    if found is None or not found[1].is_granted_to(tenant) or read.startswith(OWN_PREFIX):
        raise Refused(404, "There is nothing at this address.")
    arrival.prefix, arrival.service = found
    return arrival.service


def _check_door(arrival: Arrival, resolution: Resolution, tenant: TenantInfo) -> None:
    """Raise `Refused` where a shop is closed or has moved: a service of another code base does not know."""
    if resolution.status is HostStatus.SUSPENDED:
        raise Refused(
            503, f"{tenant.name} is closed for a while.", kind="closed", headers={"Retry-After": str(CLOSED_FOR)}
        )
    if resolution.status is HostStatus.MOVED:
        url = tenancy().url_of(tenant.host, arrival.request.raw_path)
        raise Refused(308, f"{tenant.name} has moved to {tenant.host}.", headers={"Location": url})
