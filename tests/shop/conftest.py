"""Goods to test with."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from itertools import count
from typing import Any

import pytest

from shop.goods.models import Goods, Sku

_numbers = count(1)


@pytest.fixture
def make_sku() -> Callable[..., Sku]:
    """Return a function that makes a sku, and goods for it unless it is told which, in the active tenant."""

    def make(name: str = "", *, goods: Goods | None = None, price: str = "50", **fields: Any) -> Sku:
        number = next(_numbers)
        goods = goods or Goods.objects.create(name=name or f"Goods {number}", slug=f"goods-{number}")
        return Sku.objects.create(goods=goods, price=Decimal(price), **{"stock": 5, **fields})

    return make
