"""The shape of what a demo shop has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from shop.orders.services import CustomerDetails


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoGoods:
    """Something to sell: one sku per entry of `stock`."""

    name: str
    category: str
    pictures: tuple[str, ...]
    """Names of files in `shop/demo/pictures`, without `.webp`."""
    price: str
    stock: Mapping[str, int]
    """Option value → pieces; the value is empty for goods of a single sku."""
    description: str
    vendor: str = ""
    option: str = ""
    """What the skus differ in."""
    before: str = ""
    """The price before a sale."""
    prices: Mapping[str, str] = field(default_factory=dict)
    """Option value → price, where it is not `price`."""
    weight_grams: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoOrder:
    """What somebody bought, and how far the order is."""

    customer: CustomerDetails
    address: str
    goods: Mapping[str, int]
    """Slug → pieces of its first sku."""
    is_paid: bool = False
    is_shipped: bool = False
    days_ago: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Picture, category and stock of imported goods."""

    picture: str
    category: str
    stock: int
    before: str = ""
