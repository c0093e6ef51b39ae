"""Middleware for limits: refuses requests beyond those of a tenant or a client address, and answers slow statements."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from threading import Event

from asgiref.sync import sync_to_async
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from psycopg import errors

from tenants.conf import tenancy
from tenants.context import TenantInfo, current_tenant
from tenants.contrib.limits.counters import Kind, pressure
from tenants.contrib.limits.limiter import QUEUE_SECONDS, Place, Queued, Refusal, addresses, turnstile, wait_async
from tenants.contrib.limits.repeated_answers import allow_repeats, when_repeated
from tenants.contrib.limits.request_bodies import REFUSAL
from tenants.errors import HashingBusy
from tenants.http import responses as pages
from tenants.http.base_middleware import TwoWayMiddleware
from tenants.http.client_ip import client_address
from tenants.limits import Limits
from tenants.postgresql.overload import Bound, Stopped, log_stopped, why_stopped
from tenants.registry.tenant_info import all_tenants


class LimitMiddleware(TwoWayMiddleware):
    """Keeps each tenant within its limits in this process: 429 for too many requests, 503 for too many at once.

    Stands below the middleware that serves static files: a page has many of them, and they cost next to nothing.
    """

    def _answer(self, request: HttpRequest) -> HttpResponseBase:
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
            response = self.go_on(request)
            place.leave_with(response)
            return response
        except BaseException:
            place.leave()
            raise

    async def _answer_async(self, request: HttpRequest) -> HttpResponseBase:
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
            response = await self.go_on_async(request)
            place.leave_with(response)
            return response
        except BaseException:
            await _leave_after_its_thread(place)
            raise

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponseBase | None:
        """Answer a request that the database was too busy or too slow for with a page that says so."""
        return stopped_answer(request, error)


def _enter_from_address(request: HttpRequest) -> Place | Refusal:
    """Count the request for its client's address, over all tenants."""
    most, address = tenancy().address_concurrency, client_address(request)
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


def stopped_answer(request: HttpRequest, error: Exception) -> HttpResponse | None:
    """Return the answer to a request that the process or the database was too busy for; None if `error` is another."""
    if isinstance(error, HashingBusy):
        return pages.refused(request, current_tenant(), Refusal(Bound.HASHING, error.retry_after))
    reason, tenant = why_stopped(error), current_tenant()
    if reason is None:
        return pages.updating(request, tenant) if _was_just_changed(tenant, error) else None
    if reason is Stopped.STATEMENT and not tenant.is_platform:
        pressure.add(tenant.id, Kind.STATEMENT)
    log_stopped(reason, error)
    return pages.stopped(request, tenant, reason)


def _was_just_changed(tenant: TenantInfo, error: Exception) -> bool:
    """Tell whether the tenant got another variant while its request was answered, and something could not be deleted.

    Its tables are kept, so that reading and writing go on as it was; but rows of the new variant's hold those of the
    base back, and the old one's code does not know of them.
    """
    if tenant.is_platform or not isinstance(error.__cause__, errors.ForeignKeyViolation) or connection.in_atomic_block:
        return False
    return [now.variant for now in all_tenants(pk=tenant.id)] != [tenant.variant]


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
    response = pages.refused(request, tenant, refusal)
    if REFUSAL in request.META:
        allow_repeats(response)
        if count is not None:
            when_repeated(response, count)
    return response
