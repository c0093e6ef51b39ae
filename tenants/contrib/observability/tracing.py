"""OpenTelemetry spans, exported if `TENANTS["OTLP_ENDPOINT"]` names a collector; otherwise nothing is imported.

Span ids are those of `traceparent` headers, so the spans of all processes form one trace.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache

from tenants.contrib.observability.conf import observability_settings
from tenants.redaction import loggable_path
from tenants.settings_cache import on_setting_change

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A span that has just ended."""

    name: str
    trace_id: str
    span_id: str
    parent_id: str = ""
    """Empty: the trace begins here."""
    seconds: float
    failed: bool
    is_client: bool = False
    """Whether it is a call of another process (SpanKind.CLIENT) instead of a request to this one."""
    attributes: dict[str, str | int]


def record_span(span: Span) -> None:
    """Queue a span for export by a thread; does nothing without a collector."""
    if observability_settings().otlp_endpoint and (export := _exporter()):
        export(span)


def load_exporter() -> None:
    """Import OpenTelemetry now, not during the first request."""
    if observability_settings().otlp_endpoint:
        _exporter()


def http_attributes(tenant: str, method: str, path: str, status: int, request_id: str) -> dict[str, str | int]:
    """Return the attributes of a request, by OpenTelemetry's names; the query string is left out."""
    return {
        "sangga.tenant": tenant, "sangga.request_id": request_id, "http.request.method": method,
        "url.path": loggable_path(path), "http.response.status_code": status,
    }  # fmt: skip


# The span that is exported: the id generator takes its ids.
_exported: ContextVar[Span] = ContextVar("span")


@cache
def _exporter() -> Callable[[Span], None] | None:
    """Return a function that exports a span; None where OpenTelemetry is not installed, which is logged once."""
    try:
        from opentelemetry import trace
        from opentelemetry.context import Context
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.sdk.trace.id_generator import IdGenerator
    except ImportError as error:
        logger.error(
            "TENANTS['OTLP_ENDPOINT'] is set, but no span is exported: %s. Run pip install \"sangga[observability]\".",
            error,
        )
        return None

    class GivenIds(IdGenerator):
        def generate_trace_id(self) -> int:
            return int(_exported.get().trace_id, 16)

        def generate_span_id(self) -> int:
            return int(_exported.get().span_id, 16)

    config = observability_settings()
    provider = TracerProvider(
        resource=Resource.create({"service.namespace": "sangga", "service.name": config.service}),
        id_generator=GivenIds(),
    )
    provider.add_span_processor(
        BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{config.otlp_endpoint.rstrip('/')}/v1/traces"))
    )
    _shutdowns.append(provider.shutdown)
    tracer = provider.get_tracer("sangga")

    def parent_of(span: Span) -> Context:
        if not span.parent_id:
            return Context()
        sampled = trace.TraceFlags(trace.TraceFlags.SAMPLED)
        parent = trace.SpanContext(int(span.trace_id, 16), int(span.parent_id, 16), is_remote=True, trace_flags=sampled)
        return trace.set_span_in_context(trace.NonRecordingSpan(parent), Context())

    def export(span: Span) -> None:
        ended = time.time_ns()
        kind = trace.SpanKind.CLIENT if span.is_client else trace.SpanKind.SERVER
        token = _exported.set(span)
        try:
            started = tracer.start_span(
                span.name, parent_of(span), kind, span.attributes, start_time=ended - int(span.seconds * 1e9)
            )
        finally:
            _exported.reset(token)
        if span.failed:
            started.set_status(trace.StatusCode.ERROR)
        started.end(ended)

    return export


_shutdowns: list[Callable[[], None]] = []


def shut_down() -> None:
    """Export what is queued; the next span starts a new exporter. At exit OpenTelemetry does this itself."""
    while _shutdowns:
        _shutdowns.pop()()
    _exporter.cache_clear()


on_setting_change(shut_down, "TENANTS")
