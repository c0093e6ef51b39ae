"""Metrics for Prometheus: what this process answers, what it asks of services, and how their addresses are."""

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
from tenants.contrib.services.circuit_breaker import State
from tenants.contrib.services.conf import service_settings
from tenants.contrib.services.stats import BOUNDS, Tally
from tenants.contrib.services.upstreams import Upstream

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

registry = CollectorRegistry()
ProcessCollector(registry=registry)
PlatformCollector(registry=registry)
_answers = Histogram(
    "sangga_request_seconds",
    "Requests that this process has answered, by status",
    ["service", "status"],
    buckets=BOUNDS,
    registry=registry,
)

Upstreams = Callable[[], Iterable[Upstream]]


def _statuses(tally: Tally) -> Metric:
    family = CounterMetricFamily(
        "sangga_gateway_requests", "What the gateway was asked, by the status in the end", labels=["status"]
    )
    for status, count in list(tally.statuses.items()):
        family.add_metric([str(status)], count)
    return family


def note_answer(status: int, seconds: float) -> None:
    """Count one request that this process has answered. No label tells its tenant: there may be too many of them."""
    _answers.labels(observability_settings().service, str(status)).observe(seconds)


class _Services(Collector):
    """Reads, when somebody asks, what is counted anyway: a request costs nothing more."""

    def __init__(self) -> None:
        self.sources: list[Upstreams] = [client.upstreams.by_name.values]
        self.tallies: list[Tally] = []

    def collect(self) -> Iterator[Metric]:
        """Return what there is to tell of all services."""
        upstreams = [upstream for source in self.sources for upstream in list(source())]
        yield from map(_statuses, self.tallies)
        yield from _tasks()
        yield _calls(upstreams)
        yield _durations(upstreams)
        yield from _addresses(upstreams)


_services = _Services()
registry.register(_services)


def _tasks() -> Iterator[Metric]:
    """Tell how many tasks the event loop has in hand, where there is one: a gateway that leaks has more and more."""
    with suppress(RuntimeError):  # asked by a thread without a loop
        yield GaugeMetricFamily("sangga_tasks", "Tasks of the event loop", len(asyncio.all_tasks()))


def watch(tally: Tally, upstreams: Upstreams) -> None:
    """Have metrics tell of a gateway too."""
    _services.tallies.append(tally)
    _services.sources.append(upstreams)


def forget(tally: Tally, upstreams: Upstreams) -> None:
    """Tell of it no more."""
    _services.tallies.remove(tally)
    _services.sources.remove(upstreams)


def _calls(upstreams: list[Upstream]) -> Metric:
    family = CounterMetricFamily(
        "sangga_service_calls", "Requests to a service, by the status in the end", labels=["service", "status"]
    )
    for upstream in upstreams:
        for status, count in list(upstream.tally.statuses.items()):
            family.add_metric([upstream.service.name, str(status)], count)
    return family


def _durations(upstreams: list[Upstream]) -> Metric:
    family = HistogramMetricFamily("sangga_service_call_seconds", "How long they took", labels=["service"])
    for upstream in upstreams:
        family.add_metric([upstream.service.name], _cumulative(upstream.tally), upstream.tally.seconds)
    return family


def _cumulative(tally: Tally) -> list[tuple[str, float]]:
    total, buckets = 0, []
    for bound, count in zip((*map(str, BOUNDS), "+Inf"), tally.buckets, strict=True):
        total += count
        buckets.append((bound, float(total)))
    return buckets


def _addresses(upstreams: list[Upstream]) -> Iterator[Metric]:
    labels = ["service", "address"]
    healthy = GaugeMetricFamily("sangga_service_address_healthy", "1: its health checks pass", labels=labels)
    closed = GaugeMetricFamily("sangga_service_breaker_closed", "1: requests go to it", labels=labels)
    in_flight = GaugeMetricFamily("sangga_service_in_flight", "Requests it has in hand", labels=labels)
    sockets = GaugeMetricFamily("sangga_service_websockets", "WebSockets that are open", labels=labels)
    failures = CounterMetricFamily("sangga_service_failures", "Attempts that failed", labels=labels)
    for upstream in upstreams:
        for address in upstream.addresses:
            where = [upstream.service.name, address.info.url]
            healthy.add_metric(where, float(address.is_healthy))
            closed.add_metric(where, float(address.breaker.state is State.CLOSED))
            in_flight.add_metric(where, address.in_flight)
            sockets.add_metric(where, address.sockets)
            failures.add_metric(where, address.failures)
    yield from (healthy, closed, in_flight, sockets, failures)


def page(authorization: str) -> bytes | None:
    """Return the metrics as Prometheus reads them; None for whoever does not send the token for them."""
    token = service_settings().metrics_token
    if not token or not hmac.compare_digest(authorization.encode(errors="replace"), f"Bearer {token}".encode()):
        return None
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest(registry)
    everybody = CollectorRegistry()  # of all workers of this service, which write into that folder
    MultiProcessCollector(everybody)  # type: ignore[no-untyped-call]
    everybody.register(_services)
    return generate_latest(everybody)
