"""Middleware for limits: refuses requests beyond those of a tenant or a client address, and answers slow statements."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from threading import Event

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from tenants.conf import tenancy
from tenants.context import TenantInfo, current_tenant
from tenants.contrib.limits.conf import limit_settings
from tenants.contrib.limits.counters import Kind, pressure
from tenants.contrib.limits.errors import HashingBusy
from tenants.contrib.limits.limiter import (
    QUEUE_SECONDS,
    Bound,
    Place,
    Queued,
    Refusal,
    addresses,
    turnstile,
    wait_async,
)
from tenants.contrib.limits.repeated_answers import allow_repeats, when_repeated
from tenants.contrib.limits.request_bodies import REFUSAL
from tenants.contrib.limits.responses import refused
from tenants.http.base_middleware import AsyncCompatibleMiddleware, Response
from tenants.http.client_ip import client_address
from tenants.limits import Limits
from tenants.postgresql.overload import OverloadReason


class LimitMiddleware(AsyncCompatibleMiddleware):
    """Keeps each tenant within its limits in this process: 429 for too many requests, 503 for too many at once.

    Stands below the middleware that serves static files: a page has many of them, and they cost next to nothing.
    """

    def __call__(self, request: HttpRequest) -> Response:
        if self.is_async:
            return self.__acall__(request)
        if REFUSAL in request.META:
            return _refuse(request, request.META[REFUSAL])
        at_address = _enter_from_address(request)
        if isinstance(at_address, Refusal):
            return _refuse(request, at_address)
        try:
            place = _enter()
            if isinstance(place, Queued):
                place = _wait(place)
            if isinstance(place, Refusal):
                at_address.leave()
                return _refuse(request, place)
            place = place.together_with(at_address)
        except BaseException:
            at_address.leave()
            raise
        try:
            response: HttpResponseBase = self.get_response(request)
            place.leave_with(response)
            return response
        except BaseException:
            place.leave()
            raise

    async def __acall__(self, request: HttpRequest) -> HttpResponseBase:
        if REFUSAL in request.META:
            return _refuse(request, request.META[REFUSAL])
        at_address = _enter_from_address(request)
        if isinstance(at_address, Refusal):
            return _refuse(request, at_address)
        try:
            place = _enter()
            if isinstance(place, Queued):
                place = await wait_async(place)
            if isinstance(place, Refusal):
                at_address.leave()
                return _refuse(request, place)
            place = place.together_with(at_address)
        except BaseException:
            at_address.leave()
            raise
        try:
            response: HttpResponseBase = await self.get_response(request)
            place.leave_with(response)
            return response
        except BaseException:
            await _leave_after_its_thread(place)
            raise


def _enter_from_address(request: HttpRequest) -> Place | Refusal:
    """Count the request for its client's address, over all tenants."""
    most, address = limit_settings().address_concurrency, client_address(request)
    if not most or address is None:
        return Place(lambda: None)
    place = addresses.enter_as(address, Limits(concurrency=most))
    return place if isinstance(place, Place) else Refusal(Bound.ADDRESS, 1)


def _enter() -> Place | Queued | Refusal:
    tenant = current_tenant()
    return turnstile.enter(tenant, tenancy().limits_of(tenant))


async def _leave_after_its_thread(place: Place) -> None:
    """Give a place back when the request's own thread has ended what it is at.

    A client who leaves under ASGI cancels what is async alone. The view goes on in the thread, with a connection of
    the database, and the place stands for both.
    """
    await asyncio.shield(asyncio.ensure_future(sync_to_async(place.leave)()))


def response_to_busy_hashing(request: HttpRequest, error: Exception) -> HttpResponse | None:
    """Return the response to a login that came while as many passwords were being checked as may be at once."""
    if not isinstance(error, HashingBusy):
        return None
    return refused(request, current_tenant(), Refusal(Bound.HASHING, error.retry_after))


def count_statement_timeout(*, tenant: TenantInfo, reason: OverloadReason, **_: object) -> None:
    """Receiver for `overloaded`: count a statement that took longer than the tenant's limit."""
    if reason is OverloadReason.STATEMENT and not tenant.is_platform:
        pressure.add(tenant.id, Kind.STATEMENT)


def _wait(queued: Queued) -> Place | Refusal:
    turn = Event()
    queued.wake_by(turn.set)
    turn.wait(QUEUE_SECONDS)
    return queued.outcome()


def _refuse(request: HttpRequest, refusal: Refusal) -> HttpResponseBase:
    tenant = current_tenant()
    count: Callable[[], None] | None = None
    if isinstance(refusal.kind, Kind) and not tenant.is_platform:
        count = partial(pressure.add, tenant.id, refusal.kind)
        count()
    response = refused(request, tenant, refusal)
    if REFUSAL in request.META:
        allow_repeats(response)
        if count is not None:
            when_repeated(response, count)
    return response
