"""Shops of the variants, open for all tests of a session; each test's transaction is rolled back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tenants import TenantInfo
from tenants.lifecycle import NewTenant, create_tenant


@pytest.fixture
def shop_of(db: None) -> Callable[..., TenantInfo]:
    """Return a function that opens a shop of a variant, for as long as the test's transaction."""

    def shop(variant: str, **order: Any) -> TenantInfo:
        slug = f"a-{variant.replace('_', '-')}"
        order = {"owner_email": f"owner@{slug}.example", "currency": "USD", **order}
        return create_tenant(NewTenant(slug=slug, variant=variant, **order))

    return shop


@pytest.fixture
def customer_a(shop_of: Callable[..., TenantInfo]) -> TenantInfo:
    return shop_of("customer_a")


@pytest.fixture
def grocer(shop_of: Callable[..., TenantInfo]) -> TenantInfo:
    return shop_of("grocer")
