"""Test cases for Django's own test runner: `from tenants.testing import TenantTestCase`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from django.db import connection
from django.test import Client, TestCase, TransactionTestCase

from tenants.conf import tenancy
from tenants.context import TenantInfo, use_tenant
from tenants.lifecycle import NewTenant
from tenants.registry.lookup import registry, tenant_by_slug
from tenants.testing.databases import open_missing
from tenants.testing.initial_rows import keep_rows

if TYPE_CHECKING:
    from unittest import TestResult

_opened: set[tuple[str, tuple[str, ...]]] = set()
"""Which tenants are there, by database: each process of `--parallel` has another one."""


class _WithTenants:
    """What both kinds of test case share: two tenants, made once for a database, the first active in each test."""

    tenant_orders: ClassVar[Sequence[NewTenant]] = (
        NewTenant(slug="first", name="First", owner_email="owner@first.example"),
        NewTenant(slug="second", name="Second", owner_email="owner@second.example"),
    )
    """The tenants that every test finds: the first is `tenant`, the second `other_tenant`."""
    tenant: TenantInfo
    other_tenant: TenantInfo

    @classmethod
    def _open_tenants(cls) -> None:
        slugs = tuple(order.slug for order in cls.tenant_orders)
        place = (str(connection.settings_dict["NAME"]), slugs)
        if place not in _opened:
            open_missing(cls.tenant_orders)
            keep_rows()
            connection.close()
            _opened.add(place)
        registry.clear()
        cls.tenant = tenant_by_slug(slugs[0])
        cls.other_tenant = tenant_by_slug(slugs[-1])

    def run(self, result: TestResult | None = None) -> Any:
        """Run one test as the first tenant, `setUp` and `tearDown` included; Django's fixtures are around that."""
        registry.clear()  # what was learned in another test's transaction is not so any more
        with use_tenant(self.tenant):
            return super().run(result)  # type: ignore[misc]

    def debug(self) -> None:
        """Run one test without a result."""
        registry.clear()
        with use_tenant(self.tenant):
            super().debug()  # type: ignore[misc]

    @staticmethod
    def client_of(tenant: TenantInfo) -> Client:
        """Return a browser-like client at a tenant's host, or at the platform's."""
        return Client(HTTP_HOST=tenant.host or tenancy().base_domain)


class TenantTestCase(_WithTenants, TestCase):
    """A `TestCase`: each test in a transaction that is rolled back, the tenants' schemas included."""

    @classmethod
    def setUpClass(cls) -> None:
        cls._open_tenants()
        with use_tenant(cls.tenant):  # for fixtures, and setUpTestData
            super().setUpClass()


class TenantTransactionTestCase(_WithTenants, TransactionTestCase):
    """A `TransactionTestCase`: what a test commits is undone after it, and the tenants are as they were."""

    @classmethod
    def setUpClass(cls) -> None:
        cls._open_tenants()
        super().setUpClass()

    @classmethod
    def _fixture_setup(cls) -> None:
        with use_tenant(cls.tenant):
            super()._fixture_setup()  # type: ignore[misc]
