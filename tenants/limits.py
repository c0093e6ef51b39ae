"""The door with a turnstile: a tenant's requests beyond its limits are refused, and what took too long says so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event

from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from psycopg import errors

from tenants import pages
from tenants.context import TenantInfo, current_tenant
from tenants.pressure import Kind, pressure
from tenants.registry import all_tenants
from tenants.stopped import Stopped, log_stopped, why_stopped
from tenants.turnstile import QUEUE_SECONDS, Place, Queued, Refusal, turnstile, wait_async
from tenants.two_ways import TwoWayMiddleware


class LimitMiddleware(TwoWayMiddleware):
    """Keeps each tenant within its limits in this process: 429 for too many requests, 503 for too many at once.

    Stands below the middleware that serves static files: a page has many of them, and they cost next to nothing.
    """

    def _answer(self, request: HttpRequest) -> HttpResponseBase:
        place = turnstile.enter(current_tenant())
        if isinstance(place, Queued):
            place = _wait(place)
        if isinstance(place, Refusal):
            return _refuse(request, place)
        with _left_on_error(place):
            response = self.go_on(request)
            place.leave_with(response)
            return response

    async def _answer_async(self, request: HttpRequest) -> HttpResponseBase:
        place = turnstile.enter(current_tenant())
        if isinstance(place, Queued):
            place = await wait_async(place)
        if isinstance(place, Refusal):
            return _refuse(request, place)
        with _left_on_error(place):
            response = await self.go_on_async(request)
            place.leave_with(response)
            return response

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponseBase | None:
        """Answer a request that the database was too busy or too slow for with a page that says so."""
        return stopped_answer(request, error)


def stopped_answer(request: HttpRequest, error: Exception) -> HttpResponse | None:
    """Return the answer to a request that the database was too busy or too slow for; None if `error` is another."""
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


@contextmanager
def _left_on_error(place: Place) -> Iterator[None]:
    """Give the place back if no response will: a client who is gone under ASGI cancels what is done for them."""
    try:
        yield
    except BaseException:
        place.leave()
        raise


def _wait(queued: Queued) -> Place | Refusal:
    turn = Event()
    queued.wake_by(turn.set)
    turn.wait(QUEUE_SECONDS)
    return queued.outcome()


def _refuse(request: HttpRequest, refusal: Refusal) -> HttpResponseBase:
    tenant = current_tenant()
    pressure.add(tenant.id, refusal.kind)
    return pages.refused(request, tenant, refusal)
