"""The template filters `money`, for people, and `amount`, for forms."""

from __future__ import annotations

from decimal import Decimal

from django import template
from django.utils.translation import get_language

from shop.goods.money import fits_currency, format_money, plain_money
from tenants import current_tenant

register = template.Library()


@register.filter
def money(amount: Decimal | None, currency: str = "") -> str:
    """Write `amount` in `currency`, by default the shop's, for the reader's language."""
    if amount is None:
        return ""
    tenant = current_tenant()
    return format_money(amount, currency or tenant.currency, get_language() or tenant.language)


@register.filter
def amount(total: Decimal) -> str:
    """Write an amount as a form reads it: `60.00`."""
    currency = current_tenant().currency
    return plain_money(total, currency) if fits_currency(total, currency) else f"{total:f}"
