"""What is sold by weight costs as much as it weighs, and what has to go soon costs less."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from django.db.models import Case, DecimalField, Expression, F, Q, Value, When
from django.db.models.functions import Coalesce, Round
from django.utils import timezone

from shop.goods.money import DECIMAL_PLACES, MAX_DIGITS, exponent
from tenants import current_tenant

LAST_DAYS = 3
"""So many days before the one that a sku is best before, and on that day, it is reduced."""
REDUCED_TO = Decimal("0.7")

_MONEY = DecimalField(max_digits=MAX_DIGITS, decimal_places=DECIMAL_PLACES)


def price() -> Expression | F:
    """Return what one piece costs."""
    reduced = When(_has_to_go(), then=_rounded(_full("price") * Value(REDUCED_TO)))
    return Case(reduced, default=_rounded(_full("price")), output_field=_MONEY)


def price_before() -> Expression | F:
    """Return what one piece cost before a sale, or costs while it has not to go yet; null if there is none."""
    before = Coalesce(_full("compare_at_price"), _full("price"))
    return Case(When(_has_to_go(), then=_rounded(before)), default=_rounded(_full("compare_at_price")))


def _full(field: str) -> Expression:
    by_weight = When(
        goods__grocer__sold_by_weight=True, weight_grams__gt=0, then=F(field) * F("weight_grams") / Value(Decimal(1000))
    )
    return Case(by_weight, default=F(field), output_field=_MONEY)


def _has_to_go() -> Q:
    return Q(best_before__lte=timezone.localdate() + timedelta(days=LAST_DAYS))


def _rounded(amount: Expression) -> Expression:
    return Round(amount, exponent(current_tenant().currency), output_field=_MONEY)
