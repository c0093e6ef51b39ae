"""The model field of an amount of money in the shop's currency."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.db import models

from shop.goods.money import fits_currency, plain_money
from tenants import current_tenant


class MoneyFormField(forms.DecimalField):
    """Shows an amount with as many places as the shop's currency has; the column has more."""

    def prepare_value(self, value: Any) -> Any:
        """Return what stands in the input."""
        if not isinstance(value, Decimal):
            return value
        currency = current_tenant().currency
        return plain_money(value, currency) if fits_currency(value, currency) else value


class MoneyField(models.DecimalField):  # type: ignore[type-arg]  # not generic when the program runs
    """A decimal that forms show as money."""

    def formfield(self, **kwargs: Any) -> Any:
        """Return the field of a form."""
        return super().formfield(**{"form_class": MoneyFormField, **kwargs})
