"""Asks another service: where it is, for which tenant, as whom, and how long there is time, go along by themselves."""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from aiohttp import hdrs
from asgiref.sync import sync_to_async
from django.utils.asyncio import async_unsafe
from multidict import CIMultiDict
from yarl import URL

from tenants.conf import tenancy
from tenants.context import PLATFORM, TenantInfo, active_tenant
from tenants.contrib.observability.conf import observability_settings
from tenants.contrib.observability.principal import STRANGER, Principal
from tenants.contrib.observability.request_context import Call, current_call
from tenants.contrib.observability.tracing import Step, http_facts, note_step
from tenants.contrib.services.conf import service_settings
from tenants.contrib.services.directory import directory
from tenants.contrib.services.errors import ServiceFailed, ServiceNotFound
from tenants.contrib.services.event_loop import background
from tenants.contrib.services.identity import HEADER
from tenants.contrib.services.keys import identity_header
from tenants.contrib.services.load_balancer import Answer, Outgoing, send
from tenants.contrib.services.response import Reply
from tenants.contrib.services.status_report import facts_of, write_and_hang_up
from tenants.contrib.services.types import ServiceInfo
from tenants.contrib.services.upstreams import Upstreams
from tenants.errors import NoActiveTenant

LARGEST_ANSWER = 32 * 1024 * 1024
"""Bytes of an answer that are kept in memory; more is an error."""

_MARGIN = 0.1
"""Seconds by which the end of an answer may be later than its beginning: what is late by itself says so first."""

_METHOD = re.compile(r"[A-Za-z]+(-[A-Za-z]+)*")

upstreams = Upstreams()
"""What this process knows of the services it calls; it belongs to the background's loop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    """One request, as it is before it is known where the service is."""

    service: str
    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes | None
    seconds: float | None
    tenant: TenantInfo
    call: Call
    as_tenant: bool
    """Whether it is code of the tenant's own that asks, and not a visitor: a job, a command, or a view that says so."""


def _question(service: str, method: str, path: str, **options: Any) -> _Question:
    """Put together what is asked, with what the context says; raise `NoActiveTenant` outside one."""
    tenant = active_tenant()
    if tenant is None:
        raise NoActiveTenant(f"A call of the service {service!r}")
    if not path.startswith("/"):
        raise ValueError(f"The path {path!r} has to begin with a slash: the service's address is in the registry.")
    if not _METHOD.fullmatch(method):
        raise ValueError(f"{method!r} is no method of HTTP.")
    headers: dict[str, str] = dict(options.pop("headers", None) or {})
    body: bytes | None = options.pop("body", None)
    if "json" in options:
        body = json.dumps(options.pop("json")).encode()
        headers = {hdrs.CONTENT_TYPE: "application/json", **headers}
    call = current_call()
    url = URL(path)
    if params := options.pop("params", None):
        url = url.update_query(params)
    return _Question(
        service=service, method=method.upper(), target=url.raw_path_qs, headers=headers, body=body,
        seconds=options.pop("seconds", None), tenant=tenant, call=call or Call.begin(),
        as_tenant=options.pop("as_tenant", False) or call is None, **options,
    )  # fmt: skip


def _found(question: _Question) -> ServiceInfo:
    """Return the service that is asked for; asks the database for what is not remembered."""
    service = directory.services().by_name.get(question.service)
    if service is None or not service.is_granted_to(question.tenant):
        raise ServiceNotFound(question.service, str(question.tenant))
    return service


def _check_scopes(question: _Question, service: ServiceInfo, principal: Principal) -> None:
    """Raise `ServiceFailed` (401, 403) where a visitor lacks what the gateway would have asked them for."""
    if not service.scopes or question.as_tenant:
        return
    missing = " ".join(sorted(service.scopes - principal.scopes))
    if missing:
        status = 403 if principal.is_known else 401
        raise ServiceFailed(service.name, f"was not called: it requires the scope {missing} of the caller", status)


async def _ask(question: _Question, service: ServiceInfo, principal: Principal) -> Reply:
    """Send the question, on the background's loop, and return the whole answer."""
    seconds = question.call.seconds_left(question.seconds or service.total_seconds)
    if seconds <= 0:
        raise ServiceFailed(service.name, "was not asked: whoever waits for this has no time left", 504)
    span_id = secrets.token_hex(8)
    outgoing = Outgoing(
        method=question.method,
        target=question.target,
        headers=_headers(question, service, principal, seconds, span_id),
        tenant=question.tenant.id,
        deadline=asyncio.get_running_loop().time() + seconds,
        body=question.body,
    )
    upstream = upstreams.of(service)
    _report_from_now_on()
    began = time.perf_counter()
    status = 499
    try:
        async with asyncio.timeout(seconds + _MARGIN):  # the answer's end has its bound as well
            answer = await send(upstream, outgoing)
            try:
                reply = Reply(answer.status, answer.headers, await _whole(answer), service.name)
            finally:
                answer.close()
        status = reply.status
    except TimeoutError as error:
        status = 504
        raise ServiceFailed(service.name, "did not finish its answer in time", 504) from error
    except ServiceFailed as error:
        status = error.status
        raise
    finally:
        took = time.perf_counter() - began
        upstream.tally.note(status, took)
        if observability_settings().otlp_endpoint:
            _note_step(question, span_id, status, took)
    return reply


def _note_step(question: _Question, span_id: str, status: int, seconds: float) -> None:
    call, path = question.call, question.target.partition("?")[0]
    facts = http_facts(question.tenant.slug or "platform", question.method, path, status, call.request_id)
    note_step(
        Step(
            name=f"{question.method} {question.service}", trace_id=call.trace_id, span_id=span_id,
            parent_id=call.span_id, seconds=seconds, failed=status >= 400, is_call=True, facts=facts,
        )
    )  # fmt: skip


_reporter: asyncio.Task[None] | None = None


def _report_from_now_on() -> None:
    """Have what is seen of services written down as long as the background's loop lives; called on it."""
    global _reporter
    if _reporter is None or _reporter.get_loop() is not asyncio.get_running_loop():
        _reporter = asyncio.get_running_loop().create_task(_report())


async def _report() -> None:
    loop = asyncio.get_running_loop()
    while seconds := service_settings().service_report_seconds:
        await asyncio.sleep(seconds)
        facts = facts_of(upstreams.by_name.values())
        await loop.run_in_executor(None, write_and_hang_up, observability_settings().service, facts)


async def _whole(answer: Answer) -> bytes:
    if answer.body is not None:
        return answer.body
    chunks, size = [], 0
    async for chunk in answer.chunks():
        chunks.append(chunk)
        size += len(chunk)
        if size > LARGEST_ANSWER:
            raise ServiceFailed(answer.upstream.service.name, f"answers with more than {LARGEST_ANSWER} bytes")
    return b"".join(chunks)


def _headers(
    question: _Question, service: ServiceInfo, principal: Principal, seconds: float, span_id: str
) -> CIMultiDict[str]:
    tenant = question.tenant
    host = tenancy().base_domain if tenant == PLATFORM else tenant.host
    headers: CIMultiDict[str] = CIMultiDict(question.headers)
    headers[hdrs.HOST] = urlsplit(tenancy().url_of(host)).netloc
    headers[HEADER] = identity_header(service.name, tenant, principal)
    headers.update(question.call.headers(seconds, span_id))
    return headers


class ServiceClient:
    """One service, for code with `async`. Made by `tenants.contrib.services.get`."""

    def __init__(self, name: str) -> None:
        self.name = name

    async def request(self, method: str, path: str, **options: Any) -> Reply:
        """Ask the service and return its reply, whatever the status.

        Options: `json` or `body` (bytes), `headers`, `params` for the query, `seconds` to wait at the most, and
        `as_tenant` to ask in the tenant's own name and not the visitor's, whose scopes do not count then.
        Raises `NoActiveTenant` outside a tenant's context, `ServiceNotFound`, and `ServiceFailed` if no answer came,
        or a visitor lacks a scope that the service requires (401, 403).
        """
        question = _question(self.name, method, path, **options)
        service = await sync_to_async(_found)(question) if directory.remembered() is None else _found(question)
        if question.as_tenant:
            principal = STRANGER
        elif question.call.user is not None:  # which may take a query
            principal = await sync_to_async(question.call.as_whom)()
        else:
            principal = question.call.principal
        _check_scopes(question, service, principal)
        return await asyncio.wrap_future(background.submit(_ask(question, service, principal)))

    async def get(self, path: str, **options: Any) -> Reply:
        """Ask with GET; options as `request` has them."""
        return await self.request("GET", path, **options)

    async def post(self, path: str, **options: Any) -> Reply:
        """Ask with POST; options as `request` has them."""
        return await self.request("POST", path, **options)

    async def put(self, path: str, **options: Any) -> Reply:
        """Ask with PUT; options as `request` has them."""
        return await self.request("PUT", path, **options)

    async def delete(self, path: str, **options: Any) -> Reply:
        """Ask with DELETE; options as `request` has them."""
        return await self.request("DELETE", path, **options)


class SyncServiceClient:
    """One service, for code without `async`. Made by `tenants.contrib.services.get_sync`."""

    def __init__(self, name: str) -> None:
        self.name = name

    @async_unsafe
    def request(self, method: str, path: str, **options: Any) -> Reply:
        """Ask the service and return its reply; everything as in `ServiceClient.request`.

        Raises `SynchronousOnlyOperation` where an event loop would be blocked.
        """
        question = _question(self.name, method, path, **options)
        service, principal = _found(question), STRANGER if question.as_tenant else question.call.as_whom()
        _check_scopes(question, service, principal)
        answer = background.submit(_ask(question, service, principal))
        try:
            return answer.result()
        except BaseException:
            answer.cancel()  # Ctrl-C, for example: nobody waits any more
            raise

    def get(self, path: str, **options: Any) -> Reply:
        """Ask with GET; options as `request` has them."""
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> Reply:
        """Ask with POST; options as `request` has them."""
        return self.request("POST", path, **options)

    def put(self, path: str, **options: Any) -> Reply:
        """Ask with PUT; options as `request` has them."""
        return self.request("PUT", path, **options)

    def delete(self, path: str, **options: Any) -> Reply:
        """Ask with DELETE; options as `request` has them."""
        return self.request("DELETE", path, **options)
