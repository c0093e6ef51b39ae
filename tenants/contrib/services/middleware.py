"""The door of a process that is one service of several: it lets in what the gateway or another service has signed.

Elsewhere, in the single process that is `all`, it begins a call of its own for each request.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, cast

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse, HttpResponseNotFound, JsonResponse
from django.http.response import HttpResponseBase
from django.utils.encoding import escape_uri_path

from tenants.context import current_tenant
from tenants.contrib.api.auth import NotIdentified
from tenants.contrib.limits.repeated_answers import forbid_repeats, may_be_repeated, when_repeated
from tenants.contrib.oauth.bearer import VOID, TokenAccess, user_by_id
from tenants.contrib.observability.conf import observability_settings
from tenants.contrib.observability.logs import note_request, notes_requests
from tenants.contrib.observability.principal import STRANGER, Principal
from tenants.contrib.observability.request_context import Call, in_call
from tenants.contrib.observability.tracing import Step, http_facts, note_step
from tenants.contrib.services.errors import InvalidIdentity
from tenants.contrib.services.identity import HEADER, Identity, verify
from tenants.contrib.services.keys import service_keys
from tenants.contrib.services.metrics import CONTENT_TYPE, note_answer, page
from tenants.contrib.services.validators import OWN_PREFIX
from tenants.http.base_middleware import TwoWayMiddleware


class ServiceDoorMiddleware(TwoWayMiddleware):
    """Stands next to `TenantMiddleware`. Sets `request.call`, and `request.principal` where a gateway has told it."""

    def _answer(self, request: HttpRequest) -> HttpResponseBase:
        call = _enter(request)
        if isinstance(call, HttpResponseBase):
            return call
        request.call = call  # type: ignore[attr-defined]
        with in_call(call), _counted(request, call) as count:
            return count(self.go_on(request))

    async def _answer_async(self, request: HttpRequest) -> HttpResponseBase:
        call = _enter(request)
        if isinstance(call, HttpResponseBase):
            return call
        request.call = call  # type: ignore[attr-defined]
        with in_call(call), _counted(request, call) as count:
            return count(await self.go_on_async(request))


@contextmanager
def _counted(request: HttpRequest, call: Call) -> Iterator[Callable[[HttpResponseBase], HttpResponseBase]]:
    """Count and log one request; what is given to the function that this yields, is its answer."""
    began, status = time.perf_counter(), 500

    def count(response: HttpResponseBase) -> HttpResponseBase:
        nonlocal status
        status = response.status_code
        if may_be_repeated(response):
            _count_repeats(response)
        return response

    try:
        yield count
    finally:
        seconds = time.perf_counter() - began
        note_answer(status, seconds)
        tenant = current_tenant()
        path = escape_uri_path(request.path)  # as it was sent, or nearly so
        said = (tenant.slug or "platform", request.method or "", path, status)
        note_request(call, *said, seconds)
        if observability_settings().otlp_endpoint:
            _note_step(request, call, http_facts(*said, call.request_id), seconds, failed=status >= 500)


def _count_repeats(response: HttpResponseBase) -> None:
    """Have a refusal counted for each request that gets it without this middleware, or forbid that."""
    config = observability_settings()
    if config.service != "all" or config.otlp_endpoint or notes_requests():
        forbid_repeats(response)  # each request has an identity to check, a span or a line of the log
    else:
        when_repeated(response, partial(note_answer, response.status_code, 0.0))


def _note_step(request: HttpRequest, call: Call, facts: dict[str, str | int], seconds: float, *, failed: bool) -> None:
    # The route, and not the path: a name with an id in it would be one of millions.
    route = request.resolver_match.route if request.resolver_match else ""
    note_step(
        Step(
            name=f"{request.method} {route}".rstrip(), trace_id=call.trace_id, span_id=call.span_id,
            parent_id=call.parent_id, seconds=seconds, failed=failed, facts=facts,
        )
    )  # fmt: skip


def _enter(request: HttpRequest) -> Call | HttpResponseBase:
    """Return the call that a request is part of, or the answer to one that goes no further."""
    if request.path_info == f"{OWN_PREFIX}health":
        return HttpResponse("ok\n", content_type="text/plain")
    if request.path_info == f"{OWN_PREFIX}metrics":
        metrics = page(request.headers.get("Authorization", ""))
        return HttpResponseNotFound() if metrics is None else HttpResponse(metrics, content_type=CONTENT_TYPE)
    role = observability_settings().service
    if role == "all":
        return Call.begin(user=partial(_by_session, request))
    try:
        identity = _identity(request, role)
    except InvalidIdentity as refused:
        return _problem(refused)
    request.principal = identity.principal  # type: ignore[attr-defined]
    return Call.taken_over(request.headers, identity.principal, partial(_by_session, request))


def _identity(request: HttpRequest, role: str) -> Identity:
    identity = verify(request.headers.get(HEADER, ""), service=role, keys=service_keys(role))
    tenant = current_tenant()
    if (identity.tenant, identity.epoch) != (tenant.id, tenant.epoch):
        raise InvalidIdentity("it is of another tenant than the host")
    return identity


def _problem(refused: InvalidIdentity) -> HttpResponseBase:
    kind = "identity-refused"
    body = {"type": f"urn:sangga:problem:{kind}", "title": "Identity refused", "status": 403, "detail": str(refused)}
    return JsonResponse(body, status=403, content_type="application/problem+json; charset=utf-8")


def _by_session(request: HttpRequest) -> Principal:
    """Return as whom a session lets come; the user is read from the database when somebody asks."""
    user = getattr(request, "user", None)
    return Principal(user=str(user.pk)) if user is not None and user.is_authenticated else STRANGER


def bearer(request: HttpRequest, token: str) -> TokenAccess:
    """Return whose a token is, as the gateway has told it: for `TENANTS["API_BEARERS"]` of a service behind one."""
    principal: Principal = getattr(request, "principal", STRANGER)
    if not principal.is_known:
        raise NotIdentified("The token was not issued by this shop.", VOID)
    user = user_by_id(principal.user) if principal.user else None
    # As `tenants.contrib.oauth.bearer` has it: for code that knows nothing of tokens.
    cast(Any, request).user = AnonymousUser() if user is None else user
    return TokenAccess(user, principal.scopes, principal.client, principal.client)
