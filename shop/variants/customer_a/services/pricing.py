"""Prices with tax; staff enters net prices."""

from __future__ import annotations

from django.db.models import DecimalField, Expression, F, Value
from django.db.models.functions import Coalesce, Round

from shop.goods.money import DECIMAL_PLACES, MAX_DIGITS, exponent
from shop.variants.customer_a.models import TAX_RATE
from tenants import current_tenant


def price() -> Expression | F:
    return _with_tax("price")


def price_before() -> Expression | F:
    return _with_tax("compare_at_price")


def _with_tax(field: str) -> Expression:
    # Goods that the base code created in this transaction get their rate at its end.
    rate = Coalesce(F("goods__customer_a__tax_rate"), Value(TAX_RATE))
    money = DecimalField(max_digits=MAX_DIGITS, decimal_places=DECIMAL_PLACES)
    return Round(F(field) * (1 + rate), exponent(current_tenant().currency), output_field=money)
