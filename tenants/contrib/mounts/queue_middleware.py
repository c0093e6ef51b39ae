"""Middleware that queues requests for mounts before they take a place of their tenant."""

from __future__ import annotations

from dataclasses import replace
from threading import Event

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from tenants.context import TenantInfo, active_tenant
from tenants.contrib.limits.counters import Kind, pressure
from tenants.contrib.limits.limiter import QUEUE_SECONDS, Place, Queued, Refusal, Turnstile, wait_async
from tenants.contrib.limits.responses import refused
from tenants.contrib.mounts.middleware import point_at
from tenants.contrib.mounts.request import MountedResponse
from tenants.http.base_middleware import TwoWayMiddleware
from tenants.limits import Limits

mount_turnstile = Turnstile()


class MountQueueMiddleware(TwoWayMiddleware):
    """Keeps one of a tenant's places free of its mounts, so that mounts which hang leave the shop itself open.

    Stands before `LimitMiddleware`, where a place is taken: what waits here holds none. An application on the whole
    host is the shop, and may have all places.
    """

    def _answer(self, request: HttpRequest) -> HttpResponseBase:
        tenant = _tenant_with_mount(request)
        if tenant is None:
            return self.go_on(request)
        place = mount_turnstile.enter(tenant, _limits_of_mounts(tenant.limits))
        if isinstance(place, Queued):
            place = _wait(place)
        if isinstance(place, Refusal):
            return _refuse(request, tenant, place)
        try:
            return _left_with_work(place, self.go_on(_with_place(request, place)))
        except BaseException:
            place.leave()
            raise

    async def _answer_async(self, request: HttpRequest) -> HttpResponseBase:
        tenant = _tenant_with_mount(request)
        if tenant is None:
            return await self.go_on_async(request)
        place = mount_turnstile.enter(tenant, _limits_of_mounts(tenant.limits))
        if isinstance(place, Queued):
            place = await wait_async(place)
        if isinstance(place, Refusal):
            return _refuse(request, tenant, place)
        try:
            return _left_with_work(place, await self.go_on_async(_with_place(request, place)))
        except BaseException:
            place.leave()
            raise


def _tenant_with_mount(request: HttpRequest) -> TenantInfo | None:
    """Return the active tenant if a mount of it, but none on its whole host, answers the request."""
    tenant = active_tenant()
    if tenant is None or not tenant.mounts:
        return None
    point = point_at(tenant, request.path_info)
    return tenant if point is not None and point.path else None


def _with_place(request: HttpRequest, place: Place) -> HttpRequest:
    request.mount_place = place  # type: ignore[attr-defined]
    return request


def _left_with_work(place: Place, response: HttpResponseBase) -> HttpResponseBase:
    """Leave the place when the response is closed, or before: `MountMiddleware` leaves it when the work has ended."""
    if isinstance(response, MountedResponse):
        response._resource_closers.append(place.leave)  # type: ignore[attr-defined]  # missing in django-stubs
    else:
        place.leave()
    return response


def _limits_of_mounts(limits: Limits) -> Limits:
    return replace(limits, concurrency=limits.concurrency and max(1, limits.concurrency - 1), rate=0, burst=0)


def _wait(queued: Queued) -> Place | Refusal:
    turn = Event()
    queued.wake_by(turn.set)
    turn.wait(QUEUE_SECONDS)
    return queued.outcome()


def _refuse(request: HttpRequest, tenant: TenantInfo, refusal: Refusal) -> HttpResponseBase:
    pressure.add(tenant.id, Kind.CONCURRENCY)
    return refused(request, tenant, refusal)
