"""Metrics of gateway and services, for clients with the token, and logs as JSON."""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import URLResolver, get_resolver
from django.utils.module_loading import import_string
from prometheus_client.parser import text_string_to_metric_families

from tenants import TenantInfo
from tenants.contrib.observability.logs import JsonFormatter
from tenants.contrib.observability.principal import ANONYMOUS
from tenants.contrib.services.identity import HEADER
from tenants.contrib.services.keys import identity_header
from tenants.isolation.logging import TenantLogFilter
from tenants.lifecycle import suspend_tenant
from tenants.registry.lookup import registry
from tests.tenants.contrib.gateway import upstreams
from tests.tenants.contrib.gateway.conftest import Front
from tests.tenants.contrib.gateway.upstreams import Failing, Telling
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


def test_metrics_require_the_token(front: Front, settings: Any) -> None:
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


def test_refusals_and_failures_at_the_gateway_name_tenant_and_request(
    front: Front, shop: TenantInfo, log: io.StringIO
) -> None:
    """Fault 36: an unknown path, a service that closes the connection, and an unknown host."""
    front.behind(Failing(upstreams.kill), name="bad", prefixes="/bad/", retries=0)
    replies = [front.ask(shop, "/nowhere/"), front.ask(shop, "/bad/"), front.ask("nobody.example", "/")]
    assert [reply.status for reply in replies] == [404, 502, 404]
    assert eventually(lambda: log.getvalue().count("\n") == len(replies))
    said = [json.loads(line) for line in log.getvalue().splitlines()]
    assert [line["tenant"] for line in said] == ["acme", "acme", "-"]
    assert [line["request_id"] for line in said] == [reply.headers["X-Request-ID"] for reply in replies]


def test_a_service_logs_the_request_under_the_same_id(acme: TenantInfo, settings: Any, log: io.StringIO) -> None:
    settings.TENANTS = {**settings.TENANTS, "SERVICE": "shop"}
    sent = {
        HEADER: identity_header("shop", acme, ANONYMOUS),
        "X-Request-ID": "abc",
        "traceparent": f"00-{'1' * 32}-{'2' * 16}-01",
    }
    Client(HTTP_HOST=acme.host).get("/", headers=sent)
    said = json.loads(log.getvalue())
    assert (said["request_id"], said["trace_id"], said["process"]) == ("abc", "1" * 32, "shop")


SECRET_PATHS = [
    "/account/set-password/MQ/abc-5ecret:token/",
    "/operator/enter/abc-5ecret:token/",
]


@pytest.mark.parametrize("path", SECRET_PATHS)
def test_logs_contain_no_login_links(
    front: Front, shop: TenantInfo, log: io.StringIO, settings: Any, path: str
) -> None:
    front.behind(Telling())
    front.ask(shop, path)
    Client(HTTP_HOST=shop.host).get(path)
    assert eventually(lambda: len(log.getvalue().splitlines()) == 2)
    beginning = path.partition("abc")[0]
    assert [json.loads(line)["path"] for line in log.getvalue().splitlines()] == [f"{beginning}…/"] * 2
    assert "5ecret" not in log.getvalue()


def test_what_django_logs_of_a_refusal_holds_none_either(acme: TenantInfo, settings: Any) -> None:
    suspend_tenant("acme")
    registry.clear()
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    for name in settings.LOGGING["handlers"]["console"]["filters"]:
        handler.addFilter(import_string(settings.LOGGING["filters"][name]["()"])())
    logger = logging.getLogger("django.request")
    logger.addHandler(handler)
    try:
        for path in SECRET_PATHS:
            assert Client(HTTP_HOST=acme.host).get(path).status_code == 503
    finally:
        logger.removeHandler(handler)
    assert "/operator/enter/…/" in written.getvalue()
    assert "5ecret" not in written.getvalue()


def test_every_address_with_a_token_in_it_is_one_of_those() -> None:
    def routes(patterns: list[Any], before: str = "") -> Iterator[str]:
        for pattern in patterns:
            route = f"{before}{pattern.pattern}"
            if isinstance(pattern, URLResolver):
                yield from routes(pattern.url_patterns, route)
            elif re.search(r"<(\w+:)?(token|secret|code|key)>", route):
                yield route

    found = [*routes(get_resolver("config.urls_tenant").url_patterns)]
    found += routes(get_resolver("config.urls_platform").url_patterns)
    assert {f"/{route}" for route in found} == {
        "/account/set-password/<uidb64>/<token>/",
        "/operator/enter/<token>/",
    }


def test_no_path_begins_a_line_of_the_log(front: Front, shop: TenantInfo, log: io.StringIO) -> None:
    (handler,) = [one for one in logging.getLogger("tenants.access").handlers if getattr(one, "stream", None) is log]
    handler.setFormatter(logging.Formatter("%(message)s"))
    front.behind(Telling())
    path = "/x%0A2026-11-25%20CRITICAL%0D%C2%85%E2%80%A8%20forged%250A"
    front.ask(shop, path)
    Client(HTTP_HOST=shop.host).get(path)
    assert eventually(lambda: log.getvalue().count("\n") == 2)
    assert [line.split(" ")[1] for line in log.getvalue().splitlines()] == [path, path]


def test_an_error_is_logged_with_where_it_happened(log: io.StringIO) -> None:
    try:
        raise ValueError("a\nb")
    except ValueError:
        logging.getLogger("tenants.access").exception("Wrong: %s", "ä")
    (line,) = log.getvalue().splitlines()
    said = json.loads(line)
    assert (said["message"], said["level"], said["tenant"]) == ("Wrong: ä", "ERROR", "-")
    assert "ValueError" in said["exception"]
