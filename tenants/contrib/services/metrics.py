"""Prometheus metrics of this process: requests it serves, calls to services, and the state of their addresses."""

from __future__ import annotations

import asyncio
import hmac
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress

from prometheus_client import CollectorRegistry, Histogram, PlatformCollector, ProcessCollector, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from tenants.contrib.observability.conf import observability_settings
from tenants.contrib.services import client
from tenants.contrib.services.circuit_breaker import BreakerState
from tenants.contrib.services.conf import service_settings
from tenants.contrib.services.stats import BOUNDS, RequestStats
from tenants.contrib.services.upstreams import Upstream

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

registry = CollectorRegistry()
ProcessCollector(registry=registry)
PlatformCollector(registry=registry)
_requests = Histogram(
    "sangga_request_seconds",
    "Requests that this process has served, by status",
    ["service", "status"],
    buckets=BOUNDS,
    registry=registry,
)

Upstreams = Callable[[], Iterable[Upstream]]


def record_request(status: int, seconds: float) -> None:
    """Count a request that this process has served. No label names the tenant: there may be too many."""
    _requests.labels(observability_settings().service, str(status)).observe(seconds)


class _ServiceCollector(Collector):
    """Reads existing counters at a scrape, so that requests cost nothing more."""

    def __init__(self) -> None:
        self.upstreams: list[Upstreams] = [client.upstreams.by_name.values]
        self.gateways: list[RequestStats] = []

    def collect(self) -> Iterator[Metric]:
        upstreams = [upstream for source in self.upstreams for upstream in list(source())]
        yield from map(_gateway_requests, self.gateways)
        yield from _tasks()
        yield _calls(upstreams)
        yield _durations(upstreams)
        yield from _addresses(upstreams)


_collector = _ServiceCollector()
registry.register(_collector)


def add_gateway(stats: RequestStats, upstreams: Upstreams) -> None:
    """Include a gateway of this process in the metrics."""
    _collector.gateways.append(stats)
    _collector.upstreams.append(upstreams)


def remove_gateway(stats: RequestStats, upstreams: Upstreams) -> None:
    _collector.gateways.remove(stats)
    _collector.upstreams.remove(upstreams)


def _gateway_requests(stats: RequestStats) -> Metric:
    family = CounterMetricFamily("sangga_gateway_requests", "Requests at the gateway, by status", labels=["status"])
    for status, count in list(stats.statuses.items()):
        family.add_metric([str(status)], count)
    return family


def _tasks() -> Iterator[Metric]:
    """Yield the number of tasks of the event loop: it grows if a gateway leaks."""
    with suppress(RuntimeError):  # no event loop in this thread
        yield GaugeMetricFamily("sangga_tasks", "Tasks of the event loop", len(asyncio.all_tasks()))


def _calls(upstreams: list[Upstream]) -> Metric:
    family = CounterMetricFamily(
        "sangga_service_calls", "Requests to a service, by final status", labels=["service", "status"]
    )
    for upstream in upstreams:
        for status, count in list(upstream.stats.statuses.items()):
            family.add_metric([upstream.service.name, str(status)], count)
    return family


def _durations(upstreams: list[Upstream]) -> Metric:
    family = HistogramMetricFamily(
        "sangga_service_call_seconds", "Duration of requests to a service", labels=["service"]
    )
    for upstream in upstreams:
        family.add_metric([upstream.service.name], _cumulative(upstream.stats), upstream.stats.seconds)
    return family


def _cumulative(stats: RequestStats) -> list[tuple[str, float]]:
    total, buckets = 0, []
    for bound, count in zip((*map(str, BOUNDS), "+Inf"), stats.buckets, strict=True):
        total += count
        buckets.append((bound, float(total)))
    return buckets


def _addresses(upstreams: list[Upstream]) -> Iterator[Metric]:
    labels = ["service", "address"]
    healthy = GaugeMetricFamily("sangga_service_address_healthy", "1: health checks pass", labels=labels)
    closed = GaugeMetricFamily("sangga_service_breaker_closed", "1: the circuit breaker is closed", labels=labels)
    in_flight = GaugeMetricFamily("sangga_service_in_flight", "Requests in flight", labels=labels)
    sockets = GaugeMetricFamily("sangga_service_websockets", "Open WebSockets", labels=labels)
    failures = CounterMetricFamily("sangga_service_failures", "Failed attempts", labels=labels)
    for upstream in upstreams:
        for endpoint in upstream.endpoints:
            values = [upstream.service.name, endpoint.info.url]
            healthy.add_metric(values, float(endpoint.is_healthy))
            closed.add_metric(values, float(endpoint.breaker.state is BreakerState.CLOSED))
            in_flight.add_metric(values, endpoint.in_flight)
            sockets.add_metric(values, endpoint.sockets)
            failures.add_metric(values, endpoint.failures)
    yield from (healthy, closed, in_flight, sockets, failures)


def metrics_page(authorization: str) -> bytes | None:
    """Return the metrics in Prometheus's text format; None without the token of the settings."""
    token = service_settings().metrics_token
    if not token or not hmac.compare_digest(authorization.encode(errors="replace"), f"Bearer {token}".encode()):
        return None
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest(registry)
    all_workers = CollectorRegistry()  # all workers of this service write into that directory
    MultiProcessCollector(all_workers)  # type: ignore[no-untyped-call]
    all_workers.register(_collector)
    return generate_latest(all_workers)
