"""Test cases for Django's own test runner: `from tenants.testing import TenantTestCase`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from django.db import connection
from django.test import Client, LiveServerTestCase, TestCase, TransactionTestCase, override_settings

from tenants.conf import tenancy
from tenants.context import TenantInfo, use_tenant
from tenants.lifecycle import TenantSpec
from tenants.registry.lookup import registry, tenant_by_slug
from tenants.testing.databases import create_missing, default_specs
from tenants.testing.fresh_registry import follow_changes
from tenants.testing.initial_rows import save_rows
from tenants.testing.media import create_folder, folder_of
from tenants.testing.probe import acting

if TYPE_CHECKING:
    from unittest import TestResult

_created: set[tuple[str, tuple[str, ...]]] = set()
"""Databases and the tenants created there: each process of `--parallel` has another database."""


class _WithTenants:
    """Two tenants, created once for a database; the first is active in each test."""

    tenant_specs: ClassVar[Sequence[TenantSpec]] = default_specs()
    """The first is `tenant`, the last `other_tenant`."""
    tenant: TenantInfo
    other_tenant: TenantInfo

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        create_folder()

    @classmethod
    def _create_tenants(cls) -> None:
        name, slugs = str(connection.settings_dict["NAME"]), tuple(spec.slug for spec in cls.tenant_specs)
        media = override_settings(MEDIA_ROOT=folder_of(name))
        media.enable()
        cls.addClassCleanup(media.disable)  # type: ignore[attr-defined]
        if (name, slugs) not in _created:
            create_missing(cls.tenant_specs)
            save_rows()
            connection.close()
            _created.add((name, slugs))
        follow_changes()
        registry.clear()
        cls.tenant = tenant_by_slug(slugs[0])
        cls.other_tenant = tenant_by_slug(slugs[-1])

    def run(self, result: TestResult | None = None) -> Any:
        """Run one test as the first tenant, with `setUp` and `tearDown`, inside Django's fixtures."""
        registry.clear()  # another test's transaction was rolled back
        with acting(getattr(self, "tenant", None)):  # a skipped class has none
            return super().run(result)  # type: ignore[misc]

    def debug(self) -> None:
        registry.clear()
        with acting(getattr(self, "tenant", None)):
            super().debug()  # type: ignore[misc]

    @staticmethod
    def client_of(tenant: TenantInfo) -> Client:
        """Return Django's test client at the host of a tenant or of the platform."""
        return Client(HTTP_HOST=tenant.host or tenancy().base_domain)


class TenantTestCase(_WithTenants, TestCase):
    """A `TestCase`: each test runs in a transaction that is rolled back, in all schemas."""

    @classmethod
    def setUpClass(cls) -> None:
        cls._create_tenants()
        with use_tenant(cls.tenant):  # for fixtures, and setUpTestData
            super().setUpClass()


class TenantTransactionTestCase(_WithTenants, TransactionTestCase):
    """A `TransactionTestCase`: after each test all rows and tenants are restored."""

    @classmethod
    def setUpClass(cls) -> None:
        cls._create_tenants()
        super().setUpClass()

    @classmethod
    def _fixture_setup(cls) -> None:
        with use_tenant(cls.tenant):
            super()._fixture_setup()  # type: ignore[misc]


class TenantLiveServerTestCase(TenantTransactionTestCase, LiveServerTestCase):
    """A `LiveServerTestCase`: a server in a thread, whose Host header selects the tenant."""

    def url_of(self, tenant: TenantInfo, path: str = "/") -> str:
        """Return a URL at the live server with the tenant's host, which a browser resolves below `.localhost`."""
        host = tenant.host or tenancy().base_domain
        return f"http://{host}:{self.server_thread.port}{path}"
