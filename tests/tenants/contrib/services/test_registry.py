"""The registry of services is read once, and a change reaches every process within a second."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tenants import PLATFORM, TenantInfo, use_tenant
from tenants.contrib.services.models import Service, ServiceAddress
from tenants.contrib.services.registry import RegisteredServices, ServiceRegistry, service_registry
from tenants.contrib.services.types import ServiceInfo
from tenants.postgresql.direct_connection import connect_directly
from tenants.registry.listener import listener
from tests.waiting import eventually


@pytest.fixture
def stock(committed: None) -> Iterator[Service]:
    with use_tenant(PLATFORM):
        service = Service.objects.create(name="stock", prefixes="/stock/", every_tenant=True)
        service.addresses.create(url="http://127.0.0.1:9000")
        yield service
        service.delete()
    listener.stop()
    service_registry.invalidate()


def test_registry_is_read_once_and_then_costs_no_query(stock: Service) -> None:
    own = ServiceRegistry()
    own.set_listening(True)
    with CaptureQueriesContext(connection) as first:
        assert own.get().by_name["stock"].addresses[0].url == "http://127.0.0.1:9000"
    assert len(first) == 3
    with CaptureQueriesContext(connection) as second:
        own.get()
    assert len(second) == 0


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE public.tenants_services_service SET prefixes = '/new/' WHERE id = %s",
        "UPDATE public.tenants_services_serviceaddress SET is_active = false WHERE service_id = %s",
        "INSERT INTO public.tenants_services_service_tenants (service_id, tenant_id)"
        " SELECT %s, id FROM public.tenants_tenant LIMIT 1",
    ],
)
def test_change_by_another_process_is_noticed(stock: Service, change: str) -> None:
    listener.start()
    assert listener.listening.wait(180)
    before = service_registry.get().by_name["stock"]
    with connect_directly() as psql:
        psql.execute(change, [stock.pk])
    assert eventually(lambda: service_registry.get().by_name["stock"] != before)


def test_what_was_read_before_a_change_is_not_kept(stock: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    own = ServiceRegistry()
    own.set_listening(True)
    own.get()
    generation = own.generation
    own.invalidate()
    own._store(RegisteredServices(), generation)
    assert own.get_cached() is None
    assert "stock" in own.get().by_name


def test_the_longest_prefix_wins_and_segments_are_whole() -> None:
    services = RegisteredServices(
        [
            ServiceInfo(name="shop", prefixes=("/",)),
            ServiceInfo(name="stock", prefixes=("/stock/",)),
            ServiceInfo(name="old", prefixes=("/stock/old/",)),
            ServiceInfo(name="auth", prefixes=("/token",)),
        ]
    )
    expected = {"/": "shop", "/stock": "shop", "/stock/": "stock", "/stock/x": "stock", "/stock/old/x": "old"}
    expected |= {"/stocks/": "shop", "/token": "auth", "/token/": "auth", "/token/x": "auth", "/tokens": "shop"}
    for path, name in expected.items():
        found = services.match(path)
        assert found is not None
        assert found[1].name == name
    assert RegisteredServices([ServiceInfo(name="stock", prefixes=("/stock/",))]).match("/") is None


def test_a_service_is_granted_to_whom_its_row_names(acme: TenantInfo, globex: TenantInfo) -> None:
    some = ServiceInfo(name="some", tenants=frozenset({acme.id}))
    assert [some.is_granted_to(tenant) for tenant in (acme, globex, PLATFORM)] == [True, False, False]
    every = ServiceInfo(name="every", every_tenant=True)
    assert [every.is_granted_to(tenant) for tenant in (acme, globex, PLATFORM)] == [True, True, False]
    assert ServiceInfo(name="ours", at_platform=True).is_granted_to(PLATFORM)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("prefixes", "stock/"), ("prefixes", "/a/../b/"), ("prefixes", "/a//b/"),
        ("prefixes", "/-/metrics/"), ("prefixes", "/-"),
        ("prefixes", "/a b/"), ("prefixes", "/%73/"), ("name", "Stock"), ("name", "a/b"),
        ("private_ranges", "10.0.0.1/8"), ("private_ranges", "everything"), ("health_path", "health"),
        ("health_path", "/a\r\nX: y"), ("connect_seconds", 0), ("max_body_mib", 0),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(office_of_rows: None, field: str, value: Any) -> None:
    service = Service(**{"name": "stock", field: value})
    with pytest.raises(ValidationError) as refused:
        service.full_clean()
    assert list(refused.value.message_dict) == [field]


@pytest.mark.parametrize(
    "url",
    [
        "127.0.0.1:80", "http://a/path", "http://a/", "http://u:p@a", "http://a?b", "http://a#b", "ftp://a", "http://",
        "http://a:0", "http://a:99999", "http://A", "http://a b", "file:///etc/passwd", "http://a\r\nHost: b", "",
    ],
)  # fmt: skip
def test_an_address_is_scheme_host_and_port_alone(office_of_rows: None, url: str) -> None:
    with pytest.raises(ValidationError) as refused:
        ServiceAddress(url=url).full_clean(exclude=["service"])
    assert list(refused.value.message_dict) == ["url"]


@pytest.mark.parametrize("url", ["http://127.0.0.1:8002", "https://stock.example", "http://[::1]:8002"])
def test_plain_addresses_are_taken(office_of_rows: None, url: str) -> None:
    ServiceAddress(url=url).full_clean(exclude=["service"])


@pytest.fixture
def office_of_rows(db: None) -> Iterator[None]:
    with use_tenant(PLATFORM):
        yield
