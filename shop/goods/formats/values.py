"""What the cells of Shopify's product CSV hold: from text to the values of our models' fields."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from functools import partial
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import URLValidator, validate_unicode_slug

from shop.goods.cells import TRUTHS, Columns
from shop.goods.models import Category, Goods, Picture, Sku
from shop.goods.money import DECIMAL_PLACES, MAX_DIGITS, exponent, fits_currency
from shop.goods.plain_text import plain_text
from shop.goods.rich_text import clean_html, is_html

KEPT_WHEN_EMPTY = frozenset(["Variant Inventory Qty", "Variant Grams", "Image Position"])
"""Columns whose empty cells say nothing, so that the field stays as it is."""

_LONGEST_OF_LIST = 255
"""What one tag or option in an array of the models may have."""
_LARGEST_INTEGER = 2**31 - 1
_INTEGER = re.compile(r"[0-9]+")
_DECIMAL = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_TRUTHS = {**TRUTHS, "": True}
_STATUSES = {"active": True, "draft": False, "archived": False, "": True}

_check_address = URLValidator(schemes=["http", "https"])


class BadCell(Exception):
    """A cell that cannot be taken."""

    def __init__(self, column: str, reason: str) -> None:
        super().__init__(column, reason)
        self.column = column
        self.reason = reason


def read_cells(cells: Mapping[str, str], columns: Columns) -> dict[str, Any]:
    """Return the fields that `cells` fill; raise `BadCell` at the first that cannot be read."""
    fields = {}
    for column, (name, read) in columns.items():
        text = cells.get(column)
        is_kept = column in KEPT_WHEN_EMPTY or getattr(read, "is_kept_when_empty", False)
        if text is None or (not text and is_kept):
            continue
        try:
            fields[name] = read(text)
        except ValueError as error:
            raise BadCell(column, str(error)) from error
    return fields


def read_handle(text: str) -> str:
    """Return the slug of goods."""
    try:
        validate_unicode_slug(_text(text, Goods._meta.get_field("slug").max_length))
    except ValidationError as error:
        raise ValueError(f"{_quoted(text)} is no handle: use letters, digits and hyphens.") from error
    return text


def read_published(text: str) -> bool:
    """Return what the column `Published` says; an empty cell says yes."""
    try:
        return _TRUTHS[text.lower()]
    except KeyError:
        raise ValueError(f"{_quoted(text)} is neither true nor false.") from None


def read_status(text: str) -> bool:
    """Return whether what has this status may be seen; an empty cell says yes."""
    try:
        return _STATUSES[text.lower()]
    except KeyError:
        raise ValueError(f"{_quoted(text)} is none of active, draft, archived.") from None


def read_option(text: str) -> str:
    """Return the name or the value of an option."""
    return _text(text, _LONGEST_OF_LIST)


def read_tags(text: str) -> list[str]:
    """Return the tags in a cell, each once."""
    tags = (tag.strip() for tag in text.split(","))
    return list(dict.fromkeys(_text(tag, _LONGEST_OF_LIST) for tag in tags if tag))


def read_body(text: str) -> str:
    """Return a description: HTML without what could do harm, or plain text where there is no markup in it."""
    return clean_html(text) if is_html(text) else plain_text(text)


def read_price(text: str, currency: str) -> Decimal:
    """Return an amount of money in `currency`."""
    if not text:
        raise ValueError("the price is empty.")
    if text.startswith("-") and _DECIMAL.fullmatch(text[1:]):
        raise ValueError(f"{_quoted(text)}: a price cannot be negative.")
    if not _DECIMAL.fullmatch(text):
        raise ValueError(f"{_quoted(text)} is no price. Write it as 1234.50, without a currency sign.")
    price = Decimal(text)
    if price >= 10 ** (MAX_DIGITS - DECIMAL_PLACES):
        raise ValueError(f"{_quoted(text)} is too much: a price has at most {MAX_DIGITS - DECIMAL_PLACES} digits.")
    if not fits_currency(price, currency):
        raise ValueError(f"{_quoted(text)} has more decimal places than {currency} has ({exponent(currency)}).")
    return price


def read_count(text: str) -> int:
    """Return a whole number of something."""
    if text.startswith("-") and _INTEGER.fullmatch(text[1:]):
        raise ValueError(f"{_quoted(text)}: the number cannot be negative.")
    if not _INTEGER.fullmatch(text):
        raise ValueError(f"{_quoted(text)} is no whole number.")
    return int(_bounded(Decimal(text), text))


def read_grams(text: str) -> int:
    """Return a weight, rounded to whole grams."""
    if not _DECIMAL.fullmatch(text):
        raise ValueError(f"{_quoted(text)} is no weight in grams.")
    return int(_bounded(Decimal(text), text).to_integral_value(ROUND_HALF_UP))


def read_address(text: str) -> str:
    """Return the address of a picture."""
    try:
        _check_address(_text(text, Picture._meta.get_field("source_url").max_length))
    except ValidationError as error:
        raise ValueError(f"{_quoted(text)} is no web address.") from error
    return text


def _text_of(field: Any, text: str) -> str:
    return _text(text, field.max_length)


def _text(text: str, longest: int) -> str:
    if len(text) > longest:
        raise ValueError(f"the text has {len(text)} characters; {longest} fit.")
    return text


def _title(field: Any, text: str) -> str:
    if not text:
        raise ValueError("the title is empty.")
    return _text_of(field, text)


def _code(field: Any, text: str) -> str:
    # Shopify puts an apostrophe before codes, so that spreadsheets take them for text.
    return _text_of(field, text.removeprefix("'"))


def _price_before(text: str, currency: str) -> Decimal | None:
    return read_price(text, currency) if text else None


def _bounded(number: Decimal, text: str) -> Decimal:
    if number > _LARGEST_INTEGER:
        raise ValueError(f"{_quoted(text)} is more than {_LARGEST_INTEGER}.")
    return number


def _quoted(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:60]}…")


GOODS_COLUMNS: Columns = {
    "Title": ("name", partial(_title, Goods._meta.get_field("name"))),
    "Body (HTML)": ("description", read_body),
    "Vendor": ("vendor", partial(_text_of, Goods._meta.get_field("vendor"))),
    "Tags": ("tags", read_tags),
}
CATEGORY_COLUMNS: Columns = {"Type": ("name", partial(_text_of, Category._meta.get_field("name")))}
PICTURE_COLUMNS: Columns = {
    "Image Src": ("source_url", read_address),
    "Image Position": ("position", read_count),
    "Image Alt Text": ("alt", partial(_text_of, Picture._meta.get_field("alt"))),
}


def sku_columns(currency: str) -> Columns:
    """Return the columns of skus whose prices are in `currency`."""
    return {
        "Variant SKU": ("code", partial(_code, Sku._meta.get_field("code"))),
        "Variant Price": ("price", partial(read_price, currency=currency)),
        "Variant Compare At Price": ("compare_at_price", partial(_price_before, currency=currency)),
        "Variant Inventory Qty": ("stock", read_count),
        "Variant Grams": ("weight_grams", read_grams),
        "Variant Barcode": ("barcode", partial(_code, Sku._meta.get_field("barcode"))),
    }
