"""Goods, and shops of the variants, to test with."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from itertools import count
from typing import Any

import pytest

from shop.goods.models import Goods, Sku
from tenants import TenantInfo
from tenants.lifecycle import TenantSpec, create_tenant

_numbers = count(1)


@pytest.fixture
def make_sku() -> Callable[..., Sku]:
    """Return a function that creates a SKU in the active tenant, with goods unless they are given."""

    def make(name: str = "", *, goods: Goods | None = None, price: str = "50", **fields: Any) -> Sku:
        number = next(_numbers)
        goods = goods or Goods.objects.create(name=name or f"Goods {number}", slug=f"goods-{number}")
        return Sku.objects.create(goods=goods, price=Decimal(price), **{"stock": 5, **fields})

    return make


@pytest.fixture
def shop_of(db: None) -> Callable[..., TenantInfo]:
    """Return a function that creates a shop of a variant in the test's transaction."""

    def shop(variant: str, **order: Any) -> TenantInfo:
        slug = f"a-{variant.replace('_', '-')}"
        order = {"owner_email": f"owner@{slug}.example", "currency": "USD", **order}
        return create_tenant(TenantSpec(slug=slug, variant=variant, **order))

    return shop


@pytest.fixture
def customer_a(shop_of: Callable[..., TenantInfo]) -> TenantInfo:
    return shop_of("customer_a")


@pytest.fixture
def grocer(shop_of: Callable[..., TenantInfo]) -> TenantInfo:
    return shop_of("grocer")
