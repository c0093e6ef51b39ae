"""Amounts of money: decimals in a shop's currency, and how they are written."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from functools import reduce

from django.core.exceptions import ValidationError
from django.utils import numberformat
from django.utils.formats import get_format
from django.utils.translation import gettext_lazy as _

from tenants import current_tenant

MAX_DIGITS = 15
DECIMAL_PLACES = 3
"""Decimal places of the columns: the maximum of circulating currencies in ISO 4217."""

WITH_THOUSANDTHS = frozenset("BHD IQD JOD KWD LYD OMR TND".split())
"""Currencies of ISO 4217 whose minor unit is a thousandth."""

WITHOUT_FRACTIONS = frozenset("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split())
"""Currencies of ISO 4217 without a minor unit."""

EXACT = Context(prec=60, rounding=ROUND_HALF_EVEN, traps=[])
"""The context of all arithmetic with money. Wide enough for any amount; errors give NaN, which equals nothing.

Python's own decimal context belongs to the thread, and other code may have changed it.
"""

_SYMBOLS = {
    "AUD": "A$", "CAD": "CA$", "CNY": "CN¥", "EUR": "€", "GBP": "£", "HKD": "HK$", "INR": "₹", "JPY": "¥", "KRW": "₩",
    "USD": "$", "VND": "₫",
}  # fmt: skip
_UNITS = {("ko", "KRW"): "원"}
"""By language and currency: units that follow the number."""


def exponent(currency: str) -> int:
    """Return how many decimal places amounts in `currency` (ISO 4217, "KRW") have."""
    if currency in WITHOUT_FRACTIONS:
        return 0
    return 3 if currency in WITH_THOUSANDTHS else 2


def plain_money(amount: Decimal, currency: str) -> str:
    """Return an amount for machines: `50000`, `50.00`."""
    with localcontext(EXACT):
        return f"{amount:.{exponent(currency)}f}"


def format_money(amount: Decimal, currency: str, language: str) -> str:
    """Return an amount for people, as `language` writes it: `₩50,000`, `50,000원`, `$50.00`, `CHF 50.00`."""
    with localcontext(EXACT):
        number = numberformat.format(
            abs(amount),
            get_format("DECIMAL_SEPARATOR", language, use_l10n=True),
            decimal_pos=exponent(currency),
            grouping=get_format("NUMBER_GROUPING", language, use_l10n=True),
            thousand_sep=get_format("THOUSAND_SEPARATOR", language, use_l10n=True),
            force_grouping=True,
        )
    sign = "-" if amount < 0 else ""
    if unit := _UNITS.get((language, currency)):
        return f"{sign}{number}{unit}"
    symbol = _SYMBOLS.get(currency, f"{currency}\N{NO-BREAK SPACE}")
    return f"{sign}{symbol}{number}"


def fits_currency(amount: Decimal, currency: str) -> bool:
    """Return whether `amount` has no fraction smaller than the smallest unit of `currency`."""
    return amount == amount.quantize(Decimal(1).scaleb(-exponent(currency), EXACT), context=EXACT)


def amount_of(price: Decimal, quantity: int) -> Decimal:
    return EXACT.multiply(price, quantity)


def total_of(amounts: Iterable[Decimal]) -> Decimal:
    return reduce(EXACT.add, amounts, Decimal())


def validate_money(amount: Decimal) -> None:
    """Raise `ValidationError` for an amount that is negative or has more places than the shop's currency."""
    currency = current_tenant().currency
    if not fits_currency(amount, currency):
        raise ValidationError(
            _("Amounts in %(currency)s have at most %(places)s decimal places."),
            code="fraction",
            params={"currency": currency, "places": exponent(currency)},
        )
    if amount < 0:
        raise ValidationError(_("An amount cannot be negative."), code="negative")
