"""Middleware that queues requests to mounts before they take a slot of their tenant."""

from __future__ import annotations

from dataclasses import replace

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from tenants.context import TenantInfo, active_tenant
from tenants.contrib.limits.counters import LimitKind, limit_counters
from tenants.contrib.limits.limiter import Rejection, RequestLimiter, Slot, Waiter
from tenants.contrib.limits.responses import rejected
from tenants.contrib.limits.waiting import wait, wait_async
from tenants.contrib.mounts.middleware import match_mount
from tenants.contrib.mounts.request import MountedResponse
from tenants.http.base_middleware import AsyncCompatibleMiddleware, Response
from tenants.limits import Limits

mount_limiter = RequestLimiter()


class MountQueueMiddleware(AsyncCompatibleMiddleware):
    """Reserves one slot of each tenant for the shop itself, in case its mounts hang.

    Place it before `LimitMiddleware`, which takes the slot. A mount on the whole host is the shop: it may use all.
    """

    def __call__(self, request: HttpRequest) -> Response:
        if self.is_async:
            return self.__acall__(request)
        tenant = _tenant_with_mount(request)
        if tenant is None:
            result: HttpResponseBase = self.get_response(request)
            return result
        slot = mount_limiter.acquire(tenant, _limits_of_mounts(tenant.limits))
        if isinstance(slot, Waiter):
            slot = wait(slot)
        if isinstance(slot, Rejection):
            return _reject(request, tenant, slot)
        try:
            return _released_with_response(slot, self.get_response(_with_slot(request, slot)))
        except BaseException:
            slot.release()
            raise

    async def __acall__(self, request: HttpRequest) -> HttpResponseBase:
        tenant = _tenant_with_mount(request)
        if tenant is None:
            result: HttpResponseBase = await self.get_response(request)
            return result
        slot = mount_limiter.acquire(tenant, _limits_of_mounts(tenant.limits))
        if isinstance(slot, Waiter):
            slot = await wait_async(slot)
        if isinstance(slot, Rejection):
            return _reject(request, tenant, slot)
        try:
            return _released_with_response(slot, await self.get_response(_with_slot(request, slot)))
        except BaseException:
            slot.release()
            raise


def _tenant_with_mount(request: HttpRequest) -> TenantInfo | None:
    """Return the active tenant if one of its mounts below a path serves the request."""
    tenant = active_tenant()
    if tenant is None or not tenant.mounts:
        return None
    point = match_mount(tenant, request.path_info)
    return tenant if point is not None and point.path else None


def _with_slot(request: HttpRequest, slot: Slot) -> HttpRequest:
    request.mount_slot = slot  # type: ignore[attr-defined]
    return request


def _released_with_response(slot: Slot, response: HttpResponseBase) -> HttpResponseBase:
    """Release the slot when the response is closed; `MountMiddleware` does it earlier if the call ends before."""
    if isinstance(response, MountedResponse):
        response._resource_closers.append(slot.release)  # type: ignore[attr-defined]  # missing in django-stubs
    else:
        slot.release()
    return response


def _limits_of_mounts(limits: Limits) -> Limits:
    return replace(limits, concurrency=limits.concurrency and max(1, limits.concurrency - 1), rate=0, burst=0)


def _reject(request: HttpRequest, tenant: TenantInfo, rejection: Rejection) -> HttpResponseBase:
    limit_counters.add(tenant.id, LimitKind.CONCURRENCY)
    return rejected(request, tenant, rejection)
