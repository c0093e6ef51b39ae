"""What a customer pays for one piece of a sku. The active shop's own: `resolve("goods.services.pricing")`.

Prices are worked out by PostgreSQL, as expressions over the shop's skus: a list can be sorted by them, and every page,
cart, order and answer has the same one.
"""

from __future__ import annotations

from django.db.models import Expression, F


def price() -> Expression | F:
    """Return what one piece costs."""
    return F("price")


def price_before() -> Expression | F:
    """Return what one piece cost before a sale; null if there is none."""
    return F("compare_at_price")
