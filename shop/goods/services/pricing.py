"""The price of a SKU. A variant can replace this module.

Prices are expressions over the shop's SKUs, which PostgreSQL evaluates: lists can be sorted by them, and pages, carts,
orders and the API show the same price.
"""

from __future__ import annotations

from django.db.models import Expression, F


def price() -> Expression | F:
    return F("price")


def price_before() -> Expression | F:
    """Return the price before a sale; null without a sale."""
    return F("compare_at_price")
