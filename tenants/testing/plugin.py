"""Pytest plugin: `pytest_plugins = ["tenants.testing.plugin"]` in the root conftest. It needs pytest-django.

The tenants are created once for a run, or for each worker of pytest-xdist. A test that uses them runs in a transaction
that is rolled back, so a tenant costs it milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import Any

import pytest
from django.db import connections
from django.test import Client, override_settings

from tenants.conf import tenancy
from tenants.context import PLATFORM, TenantInfo, use_tenant
from tenants.lifecycle import TenantSpec, create_tenant
from tenants.registry.lookup import registry, tenant_by_slug
from tenants.testing.databases import default_specs, drop_tenant, test_database
from tenants.testing.fresh_registry import follow_changes

OpenTenant = Callable[..., TenantInfo]


@pytest.fixture(scope="session")
def tenant_specs() -> Sequence[TenantSpec]:
    """The tenants of all tests: the first is `tenant`, the second `other_tenant`. Override it for others."""
    return default_specs()


@pytest.fixture(scope="session")
def media_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Write files into a temporary folder: test schemas have the names of real ones."""
    with override_settings(MEDIA_ROOT=str(tmp_path_factory.mktemp("media"))):
        yield


@pytest.fixture(scope="session")
def django_db_setup(
    request: pytest.FixtureRequest,
    django_test_environment: None,
    django_db_modify_db_settings_parallel_suffix: None,
    django_db_blocker: Any,
    tenant_specs: Sequence[TenantSpec],
    media_folder: None,
) -> Iterator[None]:
    """Create the test database with the tenants, instead of pytest-django's fixture of this name."""
    options = request.config.option
    reuse = bool(getattr(options, "reuse_db", False) and not getattr(options, "create_db", False))
    with django_db_blocker.unblock():
        database = test_database(tenant_specs, reuse=reuse)
        database.__enter__()
    follow_changes()
    yield
    with django_db_blocker.unblock():
        database.__exit__(None, None, None)


@pytest.fixture(autouse=True)
def _clear_registry() -> Iterator[None]:
    """Drop what the registry has read in a transaction that is rolled back."""
    yield
    registry.clear()


@pytest.fixture
def tenant(db: None, tenant_specs: Sequence[TenantSpec]) -> TenantInfo:
    """A tenant. Its changes are rolled back."""
    return tenant_by_slug(tenant_specs[0].slug)


@pytest.fixture
def other_tenant(db: None, tenant_specs: Sequence[TenantSpec]) -> TenantInfo:
    return tenant_by_slug(tenant_specs[1].slug)


@pytest.fixture
def platform(db: None) -> TenantInfo:
    """The control plane."""
    return PLATFORM


@pytest.fixture
def in_tenant(tenant: TenantInfo) -> Iterator[TenantInfo]:
    """The tenant, active for the whole test."""
    with use_tenant(tenant):
        yield tenant


@pytest.fixture
def client_of() -> Callable[[TenantInfo], Client]:
    """Return a function that returns Django's test client at the host of a tenant or of the platform."""

    def client(tenant: TenantInfo) -> Client:
        return Client(HTTP_HOST=tenant.host or tenancy().base_domain)

    return client


@pytest.fixture
def committed(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Allow the test to commit. It has to clean up after itself."""
    with django_db_blocker.unblock():
        yield
        connections.close_all()


_numbers = count(1)


@pytest.fixture
def open_tenant(committed: None) -> Iterator[OpenTenant]:
    """Return a function that creates a committed tenant, for tests with threads; all are purged after the test."""
    opened: list[TenantInfo] = []

    def opening(slug: str = "", **order: Any) -> TenantInfo:
        opened.append(create_tenant(TenantSpec(slug=slug or f"tenant-{next(_numbers)}", **order)))
        return opened[-1]

    yield opening
    for each in opened:
        drop_tenant(each.id)
