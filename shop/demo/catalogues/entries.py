"""Entries of the demo's catalogues."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from shop.orders.services import CustomerDetails


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoGoods:
    """A product, with a SKU for each entry of `stock`."""

    name: str
    category: str
    pictures: tuple[str, ...]
    """Names of files in `shop/demo/pictures`, without `.webp`."""
    price: str
    stock: Mapping[str, int]
    """Stock by option value, which is empty for a product without options."""
    description: str
    vendor: str = ""
    option: str = ""
    """The name of its option."""
    before: str = ""
    """The price before a sale."""
    prices: Mapping[str, str] = field(default_factory=dict)
    """By option value, where it is not `price`."""
    weight_grams: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoOrder:
    """An order and its status."""

    customer: CustomerDetails
    address: str
    goods: Mapping[str, int]
    """Quantity of the first SKU, by slug."""
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
