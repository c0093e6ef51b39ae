"""A model field for an amount in the shop's currency."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.db import models

from shop.goods.money import fits_currency, plain_money
from tenants import current_tenant


class MoneyFormField(forms.DecimalField):
    """Shows as many decimal places as the shop's currency has; the column has more."""

    def prepare_value(self, value: Any) -> Any:
        if not isinstance(value, Decimal):
            return value
        currency = current_tenant().currency
        return plain_money(value, currency) if fits_currency(value, currency) else value


class MoneyField(models.DecimalField):  # type: ignore[type-arg]  # not generic at runtime
    """A decimal that forms show as money."""

    def formfield(self, **kwargs: Any) -> Any:
        return super().formfield(**{"form_class": MoneyFormField, **kwargs})
