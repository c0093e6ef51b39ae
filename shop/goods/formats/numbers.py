"""Numbers in cells of product files: prices, stock and weights."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal

from shop.goods.formats.cell_errors import Changed, quoted
from shop.goods.money import DECIMAL_PLACES, MAX_DIGITS, exponent, fits_currency
from shop.goods.notes import Kind

_LARGEST_INTEGER = 2**31 - 1
_INTEGER = re.compile(r"-?[0-9]+(?:\.0+)?")
_DECIMAL = re.compile(r"[0-9]+(?:\.[0-9]*)?|\.[0-9]+")
_DECIMAL_COMMA = re.compile(r"[0-9]*,[0-9]{1,2}|0*,[0-9]+")
_GROUPED = {
    ",": re.compile(r"[0-9]{1,3}(?:,[0-9]{3})+\.[0-9]{1,3}"),
    ".": re.compile(r"[0-9]{1,3}(?:\.[0-9]{3})+,[0-9]{1,3}"),
}
_GROUPED_WHOLE = re.compile(r"[0-9]{1,3}(?:,[0-9]{3})+")
_GROUPED_TWICE = re.compile(r"[0-9]{1,3}(?:,[0-9]{3}){2,}|[0-9]{1,3}(?:\.[0-9]{3}){2,}")


def read_price(text: str, currency: str) -> Decimal:
    if not text:
        raise ValueError("the price is empty.")
    written, text = text, _with_decimal_point(text, currency)
    if text.startswith("-") and _DECIMAL.fullmatch(text[1:]):
        raise ValueError(f"{quoted(written)}: a price cannot be negative.")
    if not _DECIMAL.fullmatch(text):
        raise ValueError(f"{quoted(text)} is not a price. Write it as 1234.50, without a currency sign.")
    price = Decimal(text)
    if price >= 10 ** (MAX_DIGITS - DECIMAL_PLACES):
        raise ValueError(f"{quoted(text)} is too large: a price has at most {MAX_DIGITS - DECIMAL_PLACES} digits.")
    if not fits_currency(price, currency):
        raise ValueError(f"{quoted(text)} has more decimal places than {currency} has ({exponent(currency)}).")
    return price


def read_price_before(text: str, currency: str) -> Decimal | None:
    return read_price(text, currency) if text else None


def _with_decimal_point(text: str, currency: str) -> str:
    """Return a number with a comma as one with a point, where only one meaning is possible."""
    if _DECIMAL_COMMA.fullmatch(text):  # thousands have three digits
        return text.replace(",", ".")
    if _GROUPED_TWICE.fullmatch(text):  # no number has two decimal points
        return text.replace(",", "").replace(".", "")
    if _GROUPED[","].fullmatch(text) or (not exponent(currency) and _GROUPED_WHOLE.fullmatch(text)):
        return text.replace(",", "")
    return text.replace(".", "").replace(",", ".") if _GROUPED["."].fullmatch(text) else text


def read_count(text: str) -> int:
    number = read_stock(text)
    if number < 0:
        raise ValueError(f"{quoted(text)}: the number cannot be negative.")
    return number


def read_stock(text: str) -> int:
    """Return a whole number, negative for back orders."""
    if not _INTEGER.fullmatch(text):
        raise ValueError(f"{quoted(text)} is not a whole number.")
    return int(_bounded(Decimal(text), text))


def read_grams(text: str, unit: Decimal = Decimal(1)) -> int | Changed:
    """Return a weight in units of `unit` grams as whole grams."""
    number = text.replace(",", ".") if _DECIMAL_COMMA.fullmatch(text) else text
    if not _DECIMAL.fullmatch(number):
        raise ValueError(f"{quoted(text)} is not a weight.")
    grams = Decimal(number) * unit
    whole = int(_bounded(grams, f"{grams:f}").to_integral_value(ROUND_HALF_UP))
    return whole if whole == grams else Changed(whole, (Kind.ROUNDED_WEIGHT,))


def _bounded(number: Decimal, text: str) -> Decimal:
    if abs(number) > _LARGEST_INTEGER:
        raise ValueError(f"{quoted(text)} is more than {_LARGEST_INTEGER}.")
    return number
