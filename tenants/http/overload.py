"""Responses to errors that an overloaded or unreachable database causes, and the patch that makes Django send them."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Any

from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from psycopg import errors

from tenants.context import TenantInfo, active_tenant, current_tenant
from tenants.http.responses import Advice, busy_response, updating
from tenants.http.signals import overloaded
from tenants.isolation.patches import Patch
from tenants.postgresql.overload import OverloadReason, log_overload, overload_reason
from tenants.registry.tenant_info import all_tenants

RETRY_AFTER_SECONDS = 10

ErrorResponse = Callable[[HttpRequest, Exception], HttpResponse | None]
error_responses: list[ErrorResponse] = []
"""Hooks for errors of contrib apps. Each returns a response, or None for any other error."""

_ADVICE = {
    OverloadReason.STATEMENT: Advice(
        "took-too-long",
        _("This took too long"),
        _("The request was stopped at its time limit. Please request less at once, or try again later."),
    ),
    OverloadReason.POOL: Advice(
        "database-busy",
        _("The database is very busy right now"),
        _("Your request waited too long and was not processed. Please try again in a moment."),
    ),
    OverloadReason.AWAY: Advice(
        "database-unavailable",
        _("This site is not available right now"),
        _("The database does not respond. Please try again in a few minutes."),
    ),
    OverloadReason.READ_ONLY: Advice(
        "database-read-only",
        _("Nothing can be saved right now"),
        _("You can still view pages. Your changes were not saved; please send them again in a few minutes."),
    ),
}


def response_to_error(request: HttpRequest, error: Exception) -> HttpResponse | None:
    """Return the response to an error that overload or a change of the tenant caused; None for any other error."""
    for respond in error_responses:
        if response := respond(request, error):
            return response
    reason, tenant = overload_reason(error), current_tenant()
    if reason is None:
        return updating(request, tenant) if _variant_changed(tenant, error) else None
    overloaded.send(OverloadReason, tenant=tenant, reason=reason)
    log_overload(reason, error)
    return overload_response(request, tenant, reason)


def overload_response(request: HttpRequest, tenant: TenantInfo | None, reason: OverloadReason) -> HttpResponse:
    """Return 503: the database was too slow, too busy or out of reach."""
    return busy_response(request, tenant, _ADVICE[reason], HTTPStatus.SERVICE_UNAVAILABLE, RETRY_AFTER_SECONDS)


def _variant_changed(tenant: TenantInfo, error: Exception) -> bool:
    """Return whether a row could not be deleted because the tenant got another variant during the request.

    The tables of the old variant are kept, so its code can still read and write. But rows of the new variant refer
    to those of the base, and the old code does not delete them.
    """
    if tenant.is_platform or not isinstance(error.__cause__, errors.ForeignKeyViolation) or connection.in_atomic_block:
        return False
    return [now.variant for now in all_tenants(pk=tenant.id)] != [tenant.variant]


def answer_overload(original: Any) -> Any:
    @wraps(original)
    def response_for_exception(request: HttpRequest, exc: Exception) -> HttpResponse:
        response = response_to_error(request, exc) if active_tenant() is not None else None
        return response or original(request, exc)

    return response_for_exception


PATCHES = (
    Patch(
        "django.core.handlers.exception:response_for_exception",
        "request exc",
        answer_overload,
        "Django calls `process_exception` for errors of views alone; middleware writes sessions, logins and locks.",
    ),
)
