"""Spans for OpenTelemetry, where `TENANTS["OTLP_ENDPOINT"]` says who collects them; else nothing is even imported.

The ids of a step are those that other processes were told in `traceparent`, so what each exports fits together.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache

from django.core.signals import setting_changed

from tenants.contrib.observability.conf import observability_settings
from tenants.redaction import loggable_path

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a trace, which has just ended."""

    name: str
    trace_id: str
    span_id: str
    parent_id: str = ""
    """Empty: the trace begins with it."""
    seconds: float
    failed: bool
    is_call: bool = False
    """Whether another process was asked, and not this one."""
    facts: dict[str, str | int]


def note_step(step: Step) -> None:
    """Have a step exported, some seconds later and by a thread; costs nothing where nobody collects them."""
    if observability_settings().otlp_endpoint and (export := _exporter()):
        export(step)


def prepare() -> None:
    """Load what exports spans now, and not in the middle of the first request."""
    if observability_settings().otlp_endpoint:
        _exporter()


def http_facts(tenant: str, method: str, path: str, status: int, request_id: str) -> dict[str, str | int]:
    """Return what is told of a request, by the names that OpenTelemetry has for it. A query string is not."""
    return {
        "sangga.tenant": tenant, "sangga.request_id": request_id, "http.request.method": method,
        "url.path": loggable_path(path), "http.response.status_code": status,
    }  # fmt: skip


# The step that a span is made of: its ids are given, and not made up.
_given: ContextVar[Step] = ContextVar("step")


@cache
def _exporter() -> Callable[[Step], None] | None:
    """Return what exports a step; None where OpenTelemetry is not installed, which is logged once."""
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
            "TENANTS['OTLP_ENDPOINT'] is set, and no span is exported: %s. pip install -r requirements-telemetry.txt",
            error,
        )
        return None

    class Given(IdGenerator):
        def generate_trace_id(self) -> int:
            return int(_given.get().trace_id, 16)

        def generate_span_id(self) -> int:
            return int(_given.get().span_id, 16)

    config = observability_settings()
    provider = TracerProvider(
        resource=Resource.create({"service.namespace": "sangga", "service.name": config.service}), id_generator=Given()
    )
    provider.add_span_processor(
        BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{config.otlp_endpoint.rstrip('/')}/v1/traces"))
    )
    _stops.append(provider.shutdown)
    tracer = provider.get_tracer("sangga")

    def parent_of(step: Step) -> Context:
        if not step.parent_id:
            return Context()
        sampled = trace.TraceFlags(trace.TraceFlags.SAMPLED)
        parent = trace.SpanContext(int(step.trace_id, 16), int(step.parent_id, 16), is_remote=True, trace_flags=sampled)
        return trace.set_span_in_context(trace.NonRecordingSpan(parent), Context())

    def export(step: Step) -> None:
        ended = time.time_ns()
        kind = trace.SpanKind.CLIENT if step.is_call else trace.SpanKind.SERVER
        token = _given.set(step)
        try:
            span = tracer.start_span(
                step.name, parent_of(step), kind, step.facts, start_time=ended - int(step.seconds * 1e9)
            )
        finally:
            _given.reset(token)
        if step.failed:
            span.set_status(trace.StatusCode.ERROR)
        span.end(ended)

    return export


_stops: list[Callable[[], None]] = []


def stop() -> None:
    """Export what is left, and begin anew with the next step. OpenTelemetry does the first by itself at the end."""
    while _stops:
        _stops.pop()()
    _exporter.cache_clear()


def _reload(*, setting: str, **_: object) -> None:
    if setting == "TENANTS":
        stop()


setting_changed.connect(_reload, dispatch_uid="tenants.contrib.observability.tracing")
