"""What a gateway and a service tell of themselves: metrics for whoever has the token, logs as JSON."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from tenants import TenantInfo
from tenants.logs import JsonFormatter
from tenants.scoping import TenantLogFilter
from tenants.services.identity import HEADER
from tenants.services.keys import identity_header
from tenants.services.principal import STRANGER
from tests.tenants.gateway import upstreams
from tests.tenants.gateway.conftest import Front
from tests.tenants.gateway.upstreams import Failing, Telling
from tests.waiting import eventually

TOKEN = {"Authorization": "Bearer for-the-scraper"}


@pytest.fixture
def with_token(settings: Any) -> None:
    settings.TENANTS = {**settings.TENANTS, "METRICS_TOKEN": "for-the-scraper"}


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(JsonFormatter())
    handler.addFilter(TenantLogFilter())
    logger = logging.getLogger("tenants.access")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield written
    logger.removeHandler(handler)
    logger.setLevel(logging.NOTSET)


def value(metrics: str, name: str, **labels: str) -> float | None:
    for family in text_string_to_metric_families(metrics):
        for sample in family.samples:
            if sample.name == name and labels.items() <= sample.labels.items():
                return sample.value
    return None


def test_metrics_tell_what_was_asked_and_how_addresses_are(with_token: None, front: Front, shop: TenantInfo) -> None:
    front.behind(Telling(), name="good")
    front.behind(Failing(upstreams.kill), name="bad", prefixes="/bad/", retries=0)
    for _ in range(3):
        front.ask(shop)
    front.ask(shop, "/bad/")
    metrics = front.ask("localhost", "/-/metrics", **TOKEN).body.decode()
    assert value(metrics, "sangga_service_calls_total", service="good", status="200") == 3
    assert value(metrics, "sangga_service_calls_total", service="bad", status="502") == 1
    assert value(metrics, "sangga_service_call_seconds_count", service="good") == 3
    assert value(metrics, "sangga_service_address_healthy", service="good") == 1
    assert value(metrics, "sangga_service_failures_total", service="bad") == 1
    assert value(metrics, "sangga_service_in_flight", service="good") == 0
    assert value(metrics, "process_resident_memory_bytes") is not None


def test_nobody_gets_metrics_without_the_token(front: Front, settings: Any) -> None:
    assert front.ask("localhost", "/-/metrics").status == 404
    assert front.ask("localhost", "/-/metrics", Authorization="Bearer ").status == 404
    settings.TENANTS = {**settings.TENANTS, "METRICS_TOKEN": "for-the-scraper"}
    assert front.ask("localhost", "/-/metrics", Authorization="Bearer another").status == 404
    assert front.ask("localhost", "/-/metrics", Authorization="Bearer für").status == 404


def test_a_service_tells_its_own(with_token: None, acme: TenantInfo) -> None:
    client = Client(HTTP_HOST=acme.host)
    assert client.get("/-/metrics").status_code == 404

    def answered() -> float:
        metrics = client.get("/-/metrics", headers=TOKEN).content.decode()
        return value(metrics, "sangga_request_seconds_count", service="all", status="200") or 0.0

    before = answered()
    client.get("/")
    assert answered() == before + 1


def test_every_request_at_the_gateway_is_one_line(front: Front, shop: TenantInfo, log: io.StringIO) -> None:
    front.behind(Telling())
    reply = front.ask(shop, "/goods/?secret=1")
    assert eventually(lambda: log.getvalue())
    said = json.loads(log.getvalue().splitlines()[0])
    assert (said["tenant"], said["service"], said["status"], said["path"]) == ("acme", "telling", 200, "/goods/")
    assert said["request_id"] == reply.headers["X-Request-ID"]
    assert reply.received["traceparent"].split("-")[1] == said["trace_id"]


def test_a_service_logs_the_request_under_the_same_id(acme: TenantInfo, settings: Any, log: io.StringIO) -> None:
    settings.TENANTS = {**settings.TENANTS, "SERVICE": "shop"}
    sent = {
        HEADER: identity_header("shop", acme, STRANGER),
        "X-Request-ID": "abc",
        "traceparent": f"00-{'1' * 32}-{'2' * 16}-01",
    }
    Client(HTTP_HOST=acme.host).get("/", headers=sent)
    said = json.loads(log.getvalue())
    assert (said["request_id"], said["trace_id"], said["process"]) == ("abc", "1" * 32, "shop")


def test_an_error_is_logged_with_where_it_happened(log: io.StringIO) -> None:
    try:
        raise ValueError("a\nb")
    except ValueError:
        logging.getLogger("tenants.access").exception("Wrong: %s", "ä")
    (line,) = log.getvalue().splitlines()
    said = json.loads(line)
    assert (said["message"], said["level"], said["tenant"]) == ("Wrong: ä", "ERROR", "-")
    assert "ValueError" in said["exception"]
