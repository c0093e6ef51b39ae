"""Entries of the demo's catalogues."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from shop.orders.services import CustomerDetails


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoOrder:
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
