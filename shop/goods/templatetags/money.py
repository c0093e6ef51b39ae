"""The template filter `money`."""

from __future__ import annotations

from decimal import Decimal

from django import template
from django.utils.translation import get_language

from shop.goods.money import format_money
from tenants import current_tenant

register = template.Library()


@register.filter
def money(amount: Decimal | None, currency: str = "") -> str:
    """Write `amount` in `currency` (default: the shop's) for the reader's language; nothing for no amount."""
    if amount is None:
        return ""
    tenant = current_tenant()
    return format_money(amount, currency or tenant.currency, get_language() or tenant.language)
