"""Resolution of host and path to a tenant."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from tenants import PLATFORM, TenantInfo, use_tenant
from tenants.models import Domain
from tenants.names import RESERVED_SLUGS
from tenants.registry.lookup import registry
from tenants.registry.resolver import HostStatus, Resolution, resolve, resolve_from_memory
from tests.settings import TENANTS


def asked(function: Callable[[], Any]) -> int:
    with CaptureQueriesContext(connection) as captured:
        function()
    return len(captured)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
@pytest.mark.parametrize("path", ["/", "/admin/", "/t/acme/"])
def test_the_platform_answers_at_its_hosts_without_a_query(db: None, host: str, path: str) -> None:
    assert asked(lambda: resolve(host, path)) == 0
    assert resolve(host, path) == Resolution(status=HostStatus.OPEN, tenant=PLATFORM)


def test_a_subdomain_is_its_tenants(acme: TenantInfo) -> None:
    assert resolve("acme.localhost", "/") == Resolution(status=HostStatus.OPEN, tenant=acme)


@pytest.mark.parametrize(
    "host",
    ["nobody.localhost", "acme.example", "acme", "localhost.example", "acmelocalhost", "a.acme.localhost", "example"],
)
def test_host_without_a_tenant_is_unknown(acme: TenantInfo, host: str) -> None:
    assert resolve(host, "/") == Resolution(status=HostStatus.UNKNOWN)


@pytest.mark.parametrize("slug", [*sorted(RESERVED_SLUGS), "-acme", "ab--cd", "xn--o39ao70b", "a" * 64, "a_b", "*"])
def test_impossible_subdomain_costs_no_query(db: None, slug: str) -> None:
    assert asked(lambda: resolve(f"{slug}.localhost", "/")) == 0
    assert resolve(f"{slug}.localhost", "/").status is HostStatus.UNKNOWN


def test_an_alias_is_told_where_the_tenant_moved(acme: TenantInfo) -> None:
    with use_tenant(PLATFORM):
        Domain.objects.create(tenant_id=acme.id, host="acme.example", is_primary=True)
        Domain.objects.create(tenant_id=acme.id, host="old.example")
    registry.clear()
    assert resolve("acme.example", "/").status is HostStatus.OPEN
    for alias in ("old.example", "acme.localhost"):
        moved = resolve(alias, "/")
        assert moved.status is HostStatus.MOVED
        assert moved.tenant is not None
        assert moved.tenant.host == "acme.example"


@pytest.mark.parametrize(
    ("status", "door"),
    [
        ("active", HostStatus.OPEN),
        ("suspended", HostStatus.SUSPENDED),
        ("deleted", HostStatus.UNKNOWN),
        ("purging", HostStatus.UNKNOWN),
    ],
)
def test_the_door_follows_the_status(acme: TenantInfo, status: str, door: HostStatus) -> None:
    with use_tenant(PLATFORM), connection.cursor() as cursor:
        cursor.execute("UPDATE tenants_tenant SET status = %s WHERE id = %s", [status, acme.id])
    registry.clear()
    assert resolve("acme.localhost", "/").status is door


def test_memory_answers_without_the_database_or_says_that_it_does_not_know(acme: TenantInfo) -> None:
    registry.clear()
    for host in ("acme.localhost", "nobody.example"):
        assert asked(lambda host=host: resolve_from_memory(host, "/")) == 0  # type: ignore[misc]
        assert resolve_from_memory(host, "/") is None
        answer = resolve(host, "/")
        assert asked(lambda host=host: resolve_from_memory(host, "/")) == 0  # type: ignore[misc]
        assert resolve_from_memory(host, "/") == answer
    assert resolve_from_memory("localhost", "/") == resolve("localhost", "/")
    assert resolve_from_memory("www.localhost", "/") == resolve("www.localhost", "/")


def test_paths_name_no_tenant_by_default(acme: TenantInfo) -> None:
    assert resolve("localhost", "/t/acme/").tenant is PLATFORM
    assert resolve("acme.localhost", "/t/globex/").tenant == acme


@pytest.mark.parametrize(
    ("path", "slug", "prefix"),
    [
        ("/t/acme/", "acme", "/t/acme"),
        ("/t/acme", "acme", "/t/acme"),
        ("/t/acme/goods/t/globex/", "acme", "/t/acme"),
        ("/", "", ""),
        ("/t", "", ""),
        ("/t/", "", ""),
        ("//t/acme/", "", ""),
        ("/t//acme/", "", ""),
        ("/tt/acme/", "", ""),
        ("/x/t/acme/", "", ""),
    ],
)
def test_a_path_names_a_tenant_where_that_is_wanted(acme: TenantInfo, path: str, slug: str, prefix: str) -> None:
    with override_settings(TENANTS={**TENANTS, "PATH_PREFIX": "t"}):
        found = resolve("localhost", path)
        assert found.status is HostStatus.OPEN
        assert found.tenant is not None
        assert (found.tenant.slug, found.prefix) == (slug, prefix)


@pytest.mark.parametrize("path", ["/t/nobody/", "/t/acmex/", "/t/www/", "/t/ACME/", "/t/../admin/", "/t/a%2fb/"])
def test_path_without_a_tenant_is_unknown_and_not_the_platforms(acme: TenantInfo, path: str) -> None:
    with override_settings(TENANTS={**TENANTS, "PATH_PREFIX": "t"}):
        assert resolve("localhost", path).status is HostStatus.UNKNOWN


def test_tenant_under_a_path_ignores_its_primary_host(acme: TenantInfo) -> None:
    with use_tenant(PLATFORM):
        Domain.objects.create(tenant_id=acme.id, host="acme.example", is_primary=True)
    with override_settings(TENANTS={**TENANTS, "PATH_PREFIX": "t"}):
        assert resolve("localhost", "/t/acme/").status is HostStatus.OPEN
        assert resolve("acme.localhost", "/t/acme/").status is HostStatus.MOVED


def test_a_domain_below_the_platforms_is_found_by_slug_alone(acme: TenantInfo, globex: TenantInfo) -> None:
    """Such a row can only be created without the forms; it does not take over another tenant's subdomain."""
    with use_tenant(PLATFORM):
        Domain.objects.create(tenant_id=globex.id, host="acme.localhost")
        Domain.objects.create(tenant_id=globex.id, host="localhost")
    registry.clear()
    found = resolve("acme.localhost", "/").tenant
    assert found is not None
    assert found.slug == "acme"
    assert resolve("localhost", "/").tenant is PLATFORM
