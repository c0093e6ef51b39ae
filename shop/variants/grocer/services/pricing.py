"""Prices by weight, and discounts shortly before the best-before date."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from django.db.models import Case, DecimalField, Expression, F, Q, Value, When
from django.db.models.functions import Coalesce, Round
from django.utils import timezone

from shop.goods.money import DECIMAL_PLACES, MAX_DIGITS, exponent
from tenants import current_tenant

LAST_DAYS = 3
"""Days before the best-before date on which a SKU is discounted."""
REDUCED_TO = Decimal("0.7")

_MONEY = DecimalField(max_digits=MAX_DIGITS, decimal_places=DECIMAL_PLACES)


def price() -> Expression | F:
    reduced = When(_is_discounted(), then=_rounded(_full("price") * Value(REDUCED_TO)))
    return Case(reduced, default=_rounded(_full("price")), output_field=_MONEY)


def price_before() -> Expression | F:
    """Return the price before the sale or the discount; null without them."""
    before = Coalesce(_full("compare_at_price"), _full("price"))
    return Case(When(_is_discounted(), then=_rounded(before)), default=_rounded(_full("compare_at_price")))


def _full(field: str) -> Expression:
    by_weight = When(
        goods__grocer__sold_by_weight=True, weight_grams__gt=0, then=F(field) * F("weight_grams") / Value(Decimal(1000))
    )
    return Case(by_weight, default=F(field), output_field=_MONEY)


def _is_discounted() -> Q:
    return Q(best_before__lte=timezone.localdate() + timedelta(days=LAST_DAYS))


def _rounded(amount: Expression) -> Expression:
    return Round(amount, exponent(current_tenant().currency), output_field=_MONEY)
