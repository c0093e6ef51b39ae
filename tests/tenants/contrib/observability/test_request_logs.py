"""Log lines of responses with a status of 400 or more: tenant and request id."""

from __future__ import annotations

import json
import logging
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.conf import settings as project
from django.test import AsyncClient, Client

from tenants import PLATFORM, TenantInfo, use_tenant
from tenants.contrib.mounts.models import Mount
from tenants.contrib.observability.logs import JsonFormatter, RedactionLogFilter, RequestIdLogFilter
from tenants.isolation.logging import TenantLogFilter
from tenants.lifecycle import suspend_tenant
from tenants.models import SchemaState
from tenants.registry.lookup import registry
from tests.isolation.servers import SERVERS, served
from tests.waiting import eventually

LINE = re.compile(r"^\S+ \S+ (\w+) \[([\w-]+)\] [\w.]+: .* \(request ([0-9a-f]{16})\)$")


@pytest.fixture
def log() -> Iterator[StringIO]:
    """What is logged from INFO on, in the form of the project's lines."""
    written = StringIO()
    handler = logging.StreamHandler(written)
    for one in (TenantLogFilter(), RedactionLogFilter(), RequestIdLogFilter()):
        handler.addFilter(one)
    handler.setFormatter(logging.Formatter(project.LOGGING["formatters"]["line"]["format"], style="{"))
    logger = logging.getLogger("django.request")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield written
    logger.removeHandler(handler)
    logger.setLevel(logging.NOTSET)


def lines(log: StringIO) -> list[tuple[str, str]]:
    """Return level and tenant of each line; all have a request's id, and those are not the same."""
    found = [LINE.match(line) for line in log.getvalue().splitlines()]
    assert all(found), log.getvalue()
    ids = [match[3] for match in found if match]
    assert len(set(ids)) == len(ids)
    return [(match[1], match[2]) for match in found if match]


class AsyncClientAt(AsyncClient):
    """A client at a host; Django's own adds to the host that it has made up."""

    def __init__(self, host: str) -> None:
        super().__init__()
        self._host = host.encode()

    def _base_scope(self, **request: Any) -> dict[str, Any]:
        scope: dict[str, Any] = super()._base_scope(**request)  # type: ignore[misc]
        scope["headers"] = [(name, self._host if name == b"host" else value) for name, value in scope["headers"]]
        return scope


async def asked(host: str, *paths: str) -> list[int]:
    client = AsyncClientAt(host)
    return [(await client.get(path)).status_code for path in paths]


PATHS = {"/nothing/": 404, "/api/v2/goods/999999": 404, "/api/v2/users": 401, "/checkout/": 302, "/media/none.png": 404}


def test_answers_from_400_on_name_tenant_and_request_in_the_log(acme: TenantInfo, log: StringIO) -> None:
    """Fault 36: under WSGI, also for the platform and an unknown host."""
    client = Client(HTTP_HOST=acme.host)
    assert [client.get(path).status_code for path in PATHS] == list(PATHS.values())
    assert Client(HTTP_HOST="localhost").get("/nothing/").status_code == 404
    assert Client(HTTP_HOST="nobody.example").get("/").status_code == 404
    assert lines(log) == [("WARNING", "acme")] * 4 + [("WARNING", "platform"), ("WARNING", "-")]


def test_answers_under_asgi_name_tenant_and_request_in_the_log(acme: TenantInfo, log: StringIO) -> None:
    """Fault 36: the same where another task answers."""
    assert async_to_sync(asked)(acme.host, *PATHS) == list(PATHS.values())
    assert lines(log) == [("WARNING", "acme")] * 4


def test_a_visit_to_a_suspended_shop_is_no_error_in_the_log(acme: TenantInfo, log: StringIO) -> None:
    """Fault 36: it is closed because an operator has closed it."""
    suspend_tenant("acme", "Back on Monday")
    registry.clear()
    assert Client(HTTP_HOST=acme.host).get("/goods/x/").status_code == 503
    assert async_to_sync(asked)(acme.host, "/") == [503]
    assert lines(log) == [("WARNING", "acme")] * 2


def test_answers_of_a_mounted_application_name_tenant_and_request(
    acme: TenantInfo, log: StringIO, settings: Any
) -> None:
    """Fault 36: a mount's errors are told like the shop's own."""
    settings.TENANTS = {**settings.TENANTS, "MOUNTS": {"prices": "shop.mounts.price_list.create_app"}}
    with use_tenant(PLATFORM):
        Mount.objects.create(tenant_id=acme.id, app="prices", path="prices", is_for_staff=False)
    registry.clear()
    assert Client(HTTP_HOST=acme.host).get("/prices/nothing/").status_code == 404
    assert lines(log) == [("WARNING", "acme")]


def test_a_shop_that_is_behind_is_no_error_in_the_log(acme: TenantInfo, log: StringIO, settings: Any) -> None:
    """Fault 36: its migration is under way."""
    settings.TENANTS = {**settings.TENANTS, "WHEN_BEHIND": "refuse"}
    with use_tenant(PLATFORM):
        SchemaState.objects.filter(tenant_id=acme.id).update(fingerprint="older")
    registry.clear()
    assert Client(HTTP_HOST=acme.host).get("/").status_code == 503
    assert lines(log) == [("WARNING", "acme")]


def test_json_lines_have_the_id_of_a_refused_request(acme: TenantInfo) -> None:
    """Fault 36: the same id in every line about it."""
    record = logging.LogRecord("django.request", logging.WARNING, "", 0, "Not Found: %s", ("/x",), None)
    request = Client(HTTP_HOST="nobody.example").get("/x").wsgi_request
    record.request = request
    said = [json.loads(JsonFormatter().format(record)) for _ in range(2)]
    assert said[0]["request_id"] == said[1]["request_id"]
    assert re.fullmatch(r"[0-9a-f]{16}", said[0]["request_id"])


@pytest.mark.parametrize("interface", SERVERS)
def test_a_server_names_tenant_and_request_in_its_log(interface: str, live_tenant: TenantInfo, tmp_path: Path) -> None:
    """Fault 36: on the shipped servers, whose log is what an operator reads."""
    file = tmp_path / "log"
    with served(interface, output=file) as port:
        for path in ("/nothing/", "/api/v2/users"):
            request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={"Host": live_tenant.host})
            with pytest.raises(urllib.error.HTTPError):
                urllib.request.urlopen(request, timeout=60)
        assert eventually(lambda: file.read_text().count("django.request") >= 2)
    found = [line for line in file.read_text().splitlines() if "django.request" in line]
    for line in found:
        assert f"[{live_tenant.slug}]" in line, line
        assert re.search(r"\(request [0-9a-f]{16}\)$", line), line
