"""What the cells of product files hold: from text to the values of our models' fields."""

from __future__ import annotations

import csv
import html
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import partial
from itertools import chain
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import URLValidator, validate_unicode_slug
from django.db.models import Model
from django.utils.html import linebreaks

from shop.goods.csv_cells import TRUTHS, Columns
from shop.goods.models import Goods, Picture, Sku
from shop.goods.money import DECIMAL_PLACES, MAX_DIGITS, exponent, fits_currency
from shop.goods.notes import Kind
from shop.goods.rich_text import MAX_CHARACTERS, cleaned, is_html, without_tags

_LONGEST_OF_LIST = 255
"""What one tag or option in an array of the models may have."""
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
_END_OF_LINE = re.compile(r"(?<=\r)(?!\n)|(?<=\n)")
_EMBEDDED = re.compile(r"<(?:img|picture|video|audio|iframe|embed|object)[\s/>]", re.IGNORECASE)
_TRUTHS = {**TRUTHS, "": True}
_STATUSES = {"active": True, "draft": False, "archived": False, "unlisted": False, "": True}
_POLICIES = {"continue": True, "deny": False, **TRUTHS}

_check_address = URLValidator(schemes=["http", "https"])


class BadCell(Exception):
    """A cell that cannot be taken."""

    def __init__(self, column: str, reason: str) -> None:
        super().__init__(column, reason)
        self.column = column
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Changed:
    """A value that is not quite what the cell says, and in which way."""

    value: Any
    kinds: tuple[Kind, ...]


def read_cells(
    cells: Mapping[str, str],
    columns: Columns,
    *,
    kept_when_empty: Collection[str] = (),
    note: Callable[[Kind], None] = lambda kind: None,
) -> dict[str, Any]:
    """Return the fields that `cells` fill; raise `BadCell` at the first that cannot be read.

    An empty cell of `kept_when_empty` says nothing, so that the field stays as it is.
    """
    fields = {}
    for column, (name, read) in columns.items():
        text = cells.get(column)
        is_kept = column in kept_when_empty or getattr(read, "is_kept_when_empty", False)
        if text is None or (not text and is_kept):
            continue
        try:
            value = read(text)
        except ValueError as error:
            raise BadCell(column, str(error)) from error
        if isinstance(value, Changed):
            for kind in value.kinds:
                note(kind)
            value = value.value
        fields[name] = value
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
        raise ValueError(f"{_quoted(text)} is none of active, draft, archived, unlisted.") from None


def read_option(text: str) -> str:
    """Return the name or the value of an option."""
    return _text(text, _LONGEST_OF_LIST)


def read_policy(text: str) -> bool:
    """Return whether a sku goes on selling at 0; an empty cell says no."""
    try:
        return _POLICIES[text.lower() or "deny"]
    except KeyError:
        raise ValueError(f"{_quoted(text)} is neither deny nor continue.") from None


def read_tags(text: str) -> list[str]:
    """Return the tags in a cell, each once. One with a comma in it stands in quotation marks."""
    tags = chain.from_iterable(csv.reader(_END_OF_LINE.split(text), skipinitialspace=True))
    return list(dict.fromkeys(_text(tag.strip(), _LONGEST_OF_LIST) for tag in tags if tag.strip()))


def read_body(text: str) -> str | Changed:
    """Return a description: HTML without what could do harm, or plain text with its lines, if there is no markup."""
    if not is_html(text):
        plain = html.unescape(text)
        if not is_html(plain):
            return plain if len(plain) <= MAX_CHARACTERS else Changed(plain[:MAX_CHARACTERS], (Kind.SIMPLIFIED_TEXT,))
        text = linebreaks(text)  # which speaks of tags, and has none
    kinds = [Kind.PICTURE_IN_TEXT] * sum(1 for _ in _EMBEDDED.finditer(text))
    clean = cleaned(text)
    if clean is None:
        clean = without_tags(text)
        kinds.append(Kind.SIMPLIFIED_TEXT)
    return Changed(clean, tuple(kinds)) if kinds else clean


def read_price(text: str, currency: str) -> Decimal:
    """Return an amount of money in `currency`."""
    if not text:
        raise ValueError("the price is empty.")
    written, text = text, _with_decimal_point(text, currency)
    if text.startswith("-") and _DECIMAL.fullmatch(text[1:]):
        raise ValueError(f"{_quoted(written)}: a price cannot be negative.")
    if not _DECIMAL.fullmatch(text):
        raise ValueError(f"{_quoted(text)} is no price. Write it as 1234.50, without a currency sign.")
    price = Decimal(text)
    if price >= 10 ** (MAX_DIGITS - DECIMAL_PLACES):
        raise ValueError(f"{_quoted(text)} is too much: a price has at most {MAX_DIGITS - DECIMAL_PLACES} digits.")
    if not fits_currency(price, currency):
        raise ValueError(f"{_quoted(text)} has more decimal places than {currency} has ({exponent(currency)}).")
    return price


def _with_decimal_point(text: str, currency: str) -> str:
    """Return a number that is written with a comma as one with a point, where only one thing can be meant."""
    if _DECIMAL_COMMA.fullmatch(text):  # thousands have three digits
        return text.replace(",", ".")
    if _GROUPED_TWICE.fullmatch(text):  # no number has two decimal points
        return text.replace(",", "").replace(".", "")
    if _GROUPED[","].fullmatch(text) or (not exponent(currency) and _GROUPED_WHOLE.fullmatch(text)):
        return text.replace(",", "")
    return text.replace(".", "").replace(",", ".") if _GROUPED["."].fullmatch(text) else text


def read_count(text: str) -> int:
    """Return a whole number of something."""
    number = read_stock(text)
    if number < 0:
        raise ValueError(f"{_quoted(text)}: the number cannot be negative.")
    return number


def read_stock(text: str) -> int:
    """Return a whole number of pieces, which is negative where some are owed."""
    if not _INTEGER.fullmatch(text):
        raise ValueError(f"{_quoted(text)} is no whole number.")
    return int(_bounded(Decimal(text), text))


def read_grams(text: str) -> int | Changed:
    """Return a weight, rounded to whole grams."""
    text = text.replace(",", ".") if _DECIMAL_COMMA.fullmatch(text) else text
    if not _DECIMAL.fullmatch(text):
        raise ValueError(f"{_quoted(text)} is no weight in grams.")
    return rounded_grams(Decimal(text))


def rounded_grams(grams: Decimal) -> int | Changed:
    """Return whole grams."""
    whole = int(_bounded(grams, f"{grams:f}").to_integral_value(ROUND_HALF_UP))
    return whole if whole == grams else Changed(whole, (Kind.ROUNDED_WEIGHT,))


def read_address(text: str) -> str | Changed:
    """Return the address of a picture."""
    whole = f"https:{text}" if text.startswith("//") else text
    try:
        _check_address(_text(whole, Picture._meta.get_field("source_url").max_length))
    except ValidationError as error:
        raise ValueError(f"{_quoted(text)} is no web address.") from error
    return whole if whole == text else Changed(whole, (Kind.COMPLETED_ADDRESS,))


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


def _bounded(number: Decimal, text: str) -> Decimal:
    if abs(number) > _LARGEST_INTEGER:
        raise ValueError(f"{_quoted(text)} is more than {_LARGEST_INTEGER}.")
    return number


def _quoted(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:60]}…")


def read_title(text: str) -> str:
    """Return the name of goods."""
    return _title(Goods._meta.get_field("name"), text)


def read_code(text: str) -> str:
    """Return the code of a sku, or its barcode, which may be as long."""
    return _code(Sku._meta.get_field("code"), text)


def read_price_before(text: str, currency: str) -> Decimal | None:
    """Return the price before a sale; an empty cell is none."""
    return read_price(text, currency) if text else None


def text_of(model: type[Model], name: str) -> Callable[[str], str]:
    """Return what reads a text that a field has room for."""
    return partial(_text_of, model._meta.get_field(name))
