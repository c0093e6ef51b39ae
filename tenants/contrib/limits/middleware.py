"""Middleware for limits: refuses requests beyond those of a tenant or a client address, and answers slow statements."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from tenants.conf import tenancy
from tenants.context import TenantInfo, current_tenant
from tenants.contrib.limits.conf import limit_settings
from tenants.contrib.limits.counters import LimitKind, limit_counters
from tenants.contrib.limits.errors import HashingBusy
from tenants.contrib.limits.limiter import (
    ProcessLimit,
    Rejection,
    Slot,
    Waiter,
    addresses,
    limiter,
)
from tenants.contrib.limits.repeated_answers import allow_repeats, when_repeated
from tenants.contrib.limits.request_bodies import REJECTION
from tenants.contrib.limits.responses import rejected
from tenants.contrib.limits.waiting import wait, wait_async
from tenants.http.base_middleware import AsyncCompatibleMiddleware, Response
from tenants.http.client_ip import get_client_ip
from tenants.limits import Limits
from tenants.postgresql.overload import OverloadReason


class LimitMiddleware(AsyncCompatibleMiddleware):
    """Keeps each tenant within its limits in this process: 429 for too many requests, 503 for too many at once.

    Place it after the middleware that serves static files: a page has many of them, and they cost little.
    """

    def __call__(self, request: HttpRequest) -> Response:
        if self.is_async:
            return self.__acall__(request)
        slot = _enter(request)
        if isinstance(slot, Waiter):
            slot = wait(slot)
        if isinstance(slot, Rejection):
            return _reject(request, slot)
        try:
            response: HttpResponseBase = self.get_response(request)
            slot.release_with(response)
            return response
        except BaseException:
            slot.release()
            raise

    async def __acall__(self, request: HttpRequest) -> HttpResponseBase:
        slot = _enter(request)
        if isinstance(slot, Waiter):
            slot = await wait_async(slot)
        if isinstance(slot, Rejection):
            return _reject(request, slot)
        try:
            response: HttpResponseBase = await self.get_response(request)
            slot.release_with(response)
            return response
        except BaseException:
            await _release_after_thread(slot)
            raise


def _enter_from_address(request: HttpRequest) -> Slot | Rejection:
    """Count the request for its client's address, over all tenants."""
    maximum, address = limit_settings().address_concurrency, get_client_ip(request)
    if not maximum or address is None:
        return Slot(lambda: None)
    slot = addresses.acquire_as(address, Limits(concurrency=maximum))
    return slot if isinstance(slot, Slot) else Rejection(ProcessLimit.ADDRESS, 1)


def _enter(request: HttpRequest) -> Slot | Waiter | Rejection:
    if REJECTION in request.META:
        rejection: Rejection = request.META[REJECTION]
        return rejection
    tenant = current_tenant()
    limits = tenancy().limits_of(tenant)
    at_address = _enter_from_address(request)
    if isinstance(at_address, Rejection):
        return at_address
    return limiter.acquire_as(tenant.id, limits, held=at_address)


async def _release_after_thread(slot: Slot) -> None:
    """Release the slot after the request's thread has finished.

    Under ASGI, a client that disconnects cancels async code only. The view keeps running in its thread, with a
    database connection, and both count for the slot.
    """
    await asyncio.shield(asyncio.ensure_future(sync_to_async(slot.release)()))


def response_to_busy_hashing(request: HttpRequest, error: Exception) -> HttpResponse | None:
    """Return the response to a login while too many passwords are being checked."""
    if not isinstance(error, HashingBusy):
        return None
    return rejected(request, current_tenant(), Rejection(ProcessLimit.HASHING, error.retry_after))


def count_statement_timeout(*, tenant: TenantInfo, reason: OverloadReason, **_: object) -> None:
    """Receiver for `overloaded`: count a statement that took longer than the tenant's limit."""
    if reason is OverloadReason.STATEMENT and not tenant.is_platform:
        limit_counters.add(tenant.id, LimitKind.STATEMENT)


def _reject(request: HttpRequest, rejection: Rejection) -> HttpResponseBase:
    tenant = current_tenant()
    count: Callable[[], None] | None = None
    if isinstance(rejection.kind, LimitKind) and not tenant.is_platform:
        count = partial(limit_counters.add, tenant.id, rejection.kind)
        count()
    response = rejected(request, tenant, rejection)
    if REJECTION in request.META:
        allow_repeats(response)
        if count is not None:
            when_repeated(response, count)
    return response
