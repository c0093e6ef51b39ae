"""API usage: counted without a query, saved in batches, shown to operators."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext

from tenants import PLATFORM, TenantInfo, use_tenant
from tenants.contrib.api.auth import Access
from tenants.contrib.api.models import ApiUsage
from tenants.contrib.api.usage import MAX_CLIENTS, OTHERS, UsageCounter, client_name, report, usage
from tenants.postgresql.direct_connection import connect_directly
from tenants.registry.listener import Listener, listener
from tests.waiting import eventually

TODAY = datetime.now(UTC).date()


Write = Callable[[], None]


@pytest.fixture
def counting(settings: Any) -> Iterator[None]:
    settings.TENANTS = {**settings.TENANTS, "API_USAGE_SECONDS": 3600}
    usage.clear()
    yield
    usage.clear()


@pytest.fixture
def write(committed: None, counting: None) -> Iterator[Write]:
    """Save the counts over a connection like the listener's: not Django's, without a search_path."""
    with connect_directly() as connection:
        connection.execute("SET search_path = ''")
        yield lambda: usage.save(connection)


def _asked_by(client: Client, agent: str, version: str = "v1", times: int = 1) -> None:
    for _ in range(times):
        client.get(f"/api/{version}/categories", headers={"User-Agent": agent})


def test_calls_are_counted_by_tenant_version_and_client(
    write: Write, open_shop: Callable[..., TenantInfo], client_of: Callable[[TenantInfo], Client]
) -> None:
    one, other = open_shop(), open_shop()
    slugs = [one.slug, other.slug]
    _asked_by(client_of(one), "till/1.2 (Linux)", times=3)
    _asked_by(client_of(one), "till/1.3", "v2")
    _asked_by(client_of(other), "curl/8.5")
    write()
    found = [used[:4] for used in report(TODAY, slugs=slugs)]
    assert found == [(one.slug, "v1", "till", 3), (other.slug, "v1", "curl", 1), (one.slug, "v2", "till", 1)]
    _asked_by(client_of(one), "till/1.2")
    write()
    write()
    assert report(TODAY, ["v1"], [one.slug])[0].requests == 4


def test_what_is_forgotten_is_written_down_nowhere(
    write: Write, live_tenant: TenantInfo, client_of: Callable[[TenantInfo], Client]
) -> None:
    _asked_by(client_of(live_tenant), "till/1.2")
    usage.clear()
    write()
    assert report(TODAY, slugs=[live_tenant.slug]) == []


def test_counting_costs_a_warm_request_no_query(
    counting: None, acme: TenantInfo, client_of: Callable[[TenantInfo], Client]
) -> None:
    listener.start()
    assert listener.listening.wait(60)  # else the cache is cleared when it connects
    client = client_of(acme)
    _asked_by(client, "curl/8.5")
    with CaptureQueriesContext(connection) as queries:
        _asked_by(client, "curl/8.5")
    assert len(queries) == 1  # the categories


def test_invented_names_are_counted_together(
    write: Write, live_tenant: TenantInfo, client_of: Callable[[TenantInfo], Client]
) -> None:
    client = client_of(live_tenant)
    for number in range(MAX_CLIENTS + 20):
        _asked_by(client, f"client-{number}/1")
    write()
    found = {used.client: used.requests for used in report(TODAY, slugs=[live_tenant.slug])}
    assert len(found) == MAX_CLIENTS + 1
    assert found[OTHERS] == 20


def test_what_could_not_be_written_stays_counted(
    write: Write,
    live_tenant: TenantInfo,
    client_of: Callable[[TenantInfo], Client],
    caplog: pytest.LogCaptureFixture,
) -> None:
    _asked_by(client_of(live_tenant), "curl/8.5", times=2)
    lost = connect_directly()
    lost.close()
    usage.save(lost)
    assert "Saving API usage failed" in caplog.text
    write()
    assert report(TODAY, slugs=[live_tenant.slug])[0].requests == 2


def test_purged_tenant_does_not_block_the_counts_of_others(
    write: Write, live_tenant: TenantInfo, client_of: Callable[[TenantInfo], Client]
) -> None:
    with use_tenant(replace(live_tenant, id=2**40)):
        usage.count("v1", RequestFactory().get("/", headers={"User-Agent": "curl/8.5"}))
    _asked_by(client_of(live_tenant), "curl/8.5")
    write()
    assert report(TODAY, slugs=[live_tenant.slug])[0].requests == 1


@pytest.mark.parametrize(
    ("agent", "name"),
    [("curl/8.5", "curl"), ("", "unnamed"), ("Mozilla/5.0 (X11)", "Mozilla"), ("x" * 500, "x" * 60), ("a\x07b", "ab")],
)
def test_a_client_is_known_by_the_first_word_it_says(agent: str, name: str) -> None:
    assert client_name(RequestFactory().get("/", headers={"User-Agent": agent})) == name


def test_a_client_with_a_token_is_known_by_what_its_owner_calls_it() -> None:
    request = RequestFactory().get("/", headers={"User-Agent": "curl/8.5"})
    request.auth = Access(None, frozenset(), client="Till in the north")
    assert client_name(request) == "Till in the north"


def test_the_command_tells_who_still_calls_a_version(acme: TenantInfo) -> None:
    with use_tenant(PLATFORM):
        for version, days in (("v1", 1), ("v1", 2), ("v1", 90), ("v2", 1)):
            ApiUsage.objects.create(
                tenant_id=acme.id, version=version, day=TODAY - timedelta(days=days), client="curl", requests=5
            )
    out = StringIO()
    call_command("report_api_usage", "--api-version", "v1", "--json", stdout=out)
    assert [(one["slug"], one["client"], one["requests"]) for one in json.loads(out.getvalue())] == [
        ("acme", "curl", 10)
    ]
    out = StringIO()
    call_command("report_api_usage", "--tenant", "acme", "--days", "100", stdout=out)
    assert "15" in out.getvalue()


def test_the_operator_sees_it_and_chooses_the_default_version(acme: TenantInfo, platform: TenantInfo) -> None:
    with use_tenant(PLATFORM):
        ApiUsage.objects.create(tenant_id=acme.id, version="v1", day=TODAY, client="till", requests=5)
        browser = Client(HTTP_HOST="localhost")
        browser.force_login(User.objects.create_superuser("mia"))
    page = browser.get("/admin/tenants_api/apiusage/?version=v1").content.decode()
    assert "till" in page
    assert "API version" in browser.get(f"/admin/tenants/tenant/{acme.id}/change/").content.decode()
    assert browser.get("/admin/tenants_api/apiusage/add/").status_code == 403


def test_the_listener_writes_what_a_process_has_counted(counting: None, live_tenant: TenantInfo) -> None:
    counter, listener = UsageCounter(), Listener()
    listener.every(0.05, counter.save)
    with use_tenant(live_tenant):
        counter.count("v1", RequestFactory().get("/", headers={"User-Agent": "curl/8.5"}))
    listener.start()
    try:
        assert eventually(lambda: [used.requests for used in report(TODAY, slugs=[live_tenant.slug])] == [1])
    finally:
        listener.stop()


def test_a_process_that_ends_writes_what_is_left(counting: None, live_tenant: TenantInfo) -> None:
    counter = UsageCounter()
    with use_tenant(live_tenant):
        counter.count("v1", RequestFactory().get("/", headers={"User-Agent": "curl/8.5"}))
    counter.save_at_exit()
    assert [used.requests for used in report(TODAY, slugs=[live_tenant.slug])] == [1]
