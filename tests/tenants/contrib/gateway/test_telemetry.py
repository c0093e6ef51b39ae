"""Spans reach a collector, and those of all processes form one trace."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from django.test import Client
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from tenants import TenantInfo, use_tenant
from tenants.contrib import services
from tenants.contrib.observability import tracing
from tenants.contrib.observability.principal import ANONYMOUS
from tenants.contrib.observability.request_context import RequestContext, use_request_context
from tenants.contrib.services.identity import HEADER
from tenants.contrib.services.keys import identity_header
from tests.tenants.contrib.gateway import upstreams
from tests.tenants.contrib.gateway.conftest import Front
from tests.tenants.contrib.gateway.upstreams import Failing, Telling
from tests.waiting import eventually


class Collector:
    """Takes OTLP over HTTP on the loopback, and keeps the spans."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.roles: set[str] = set()
        collector = self

        class Door(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                collector.take(self.path, body)
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that http.server gives it
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
        Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def take(self, path: str, body: bytes) -> None:
        assert path == "/v1/traces"
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            facts = {one.key: one.value.string_value for one in resource.resource.attributes}
            self.roles.add(facts["service.name"])
            self.spans += [span for scope in resource.scope_spans for span in scope.spans]

    def span(self, kind: Span.SpanKind.ValueType) -> Span:
        """Return the one span of a kind that has come, once the process has let go of what it had."""
        tracing.shut_down()
        (span,) = [span for span in self.spans if span.kind == kind]
        return span


def facts_of(span: Span) -> dict[str, Any]:
    return {one.key: one.value.string_value or one.value.int_value for one in span.attributes}


@pytest.fixture
def collector(settings: Any) -> Iterator[Collector]:
    started = Collector()
    settings.TENANTS = {**settings.TENANTS, "OTLP_ENDPOINT": started.url, "SERVICE": "shop"}
    yield started
    tracing.shut_down()
    started.server.shutdown()
    started.server.server_close()


def test_a_request_at_the_gateway_is_the_span_that_its_service_is_told(
    collector: Collector, front: Front, shop: TenantInfo
) -> None:
    front.behind(Telling())
    reply = front.ask(shop, "/goods/?secret=1", traceparent=f"00-{'1' * 32}-{'2' * 16}-01")
    assert eventually(lambda: front.gateway.stats.statuses)
    span = collector.span(Span.SPAN_KIND_SERVER)
    _, trace_id, span_id, _ = reply.received["traceparent"].split("-")
    assert (span.trace_id.hex(), span.span_id.hex(), span.parent_span_id) == (trace_id, span_id, b"")
    assert facts_of(span) == {
        "sangga.tenant": "acme", "sangga.service": "telling", "sangga.request_id": reply.headers["X-Request-ID"],
        "http.request.method": "GET", "url.path": "/goods/", "http.response.status_code": 200,
    }  # fmt: skip
    assert span.end_time_unix_nano > span.start_time_unix_nano
    assert collector.roles == {"shop"}


def test_spans_contain_no_login_links(collector: Collector, front: Front, shop: TenantInfo) -> None:
    front.behind(Telling())
    front.ask(shop, "/account/set-password/MQ/abc-5ecret/")
    assert eventually(lambda: front.gateway.stats.statuses)
    assert facts_of(collector.span(Span.SPAN_KIND_SERVER))["url.path"] == "/account/set-password/MQ/…/"


def test_a_request_that_fails_is_a_span_that_says_so(collector: Collector, front: Front, shop: TenantInfo) -> None:
    front.behind(Failing(upstreams.kill), retries=0)
    assert front.ask(shop).status == 502
    assert eventually(lambda: front.gateway.stats.statuses)
    assert collector.span(Span.SPAN_KIND_SERVER).status.code == Status.STATUS_CODE_ERROR


def test_what_django_answers_hangs_below_what_the_gateway_was_asked(collector: Collector, acme: TenantInfo) -> None:
    sent = {HEADER: identity_header("shop", acme, ANONYMOUS), "traceparent": f"00-{'1' * 32}-{'2' * 16}-01"}
    assert Client(HTTP_HOST=acme.host).get("/", headers=sent).status_code == 200
    span = collector.span(Span.SPAN_KIND_SERVER)
    assert (span.trace_id.hex(), span.parent_span_id.hex()) == ("1" * 32, "2" * 16)
    assert facts_of(span)["sangga.tenant"] == "acme"


def test_a_call_of_another_service_is_a_span_between_the_two(
    collector: Collector, front: Front, shop: TenantInfo
) -> None:
    front.behind(Telling())
    call = RequestContext.new()
    with use_tenant(shop), use_request_context(call):
        headers = dict(services.get_sync("telling").get("/stock").json()["headers"])
    span = collector.span(Span.SPAN_KIND_CLIENT)
    _, trace_id, span_id, _ = headers["traceparent"].split("-")
    assert (span.trace_id.hex(), span.span_id.hex()) == (trace_id, span_id)
    assert (span.trace_id.hex(), span.parent_span_id.hex()) == (call.trace_id, call.span_id)
    assert facts_of(span)["sangga.tenant"] == shop.slug


def test_without_a_collector_telemetry_is_not_imported() -> None:
    code = (
        "import django, sys; django.setup(); import tenants.contrib.gateway.server; from django.test import Client\n"
        "assert Client(HTTP_HOST='localhost').get('/-/health').status_code == 200\n"
        "assert not [name for name in sys.modules if name.startswith('opentelemetry')]"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
