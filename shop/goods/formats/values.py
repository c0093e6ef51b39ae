"""Texts and choices in cells of product files."""

from __future__ import annotations

import csv
import html
import re
from collections.abc import Callable, Mapping
from functools import partial
from itertools import chain

from django.core.exceptions import ValidationError
from django.core.validators import URLValidator, validate_unicode_slug
from django.db.models import Model
from django.utils.html import linebreaks

from shop.goods.csv_cells import TRUTHS
from shop.goods.formats.cell_errors import Changed, quoted
from shop.goods.models import Goods, Picture, Sku
from shop.goods.notes import Kind
from shop.goods.rich_text import MAX_CHARACTERS, cleaned, is_html, without_tags

_MAX_ITEM_LENGTH = 255
"""Maximum length of a tag or option in an array field."""
_END_OF_LINE = re.compile(r"(?<=\r)(?!\n)|(?<=\n)")
_EMBEDDED = re.compile(r"<(?:img|picture|video|audio|iframe|embed|object)[\s/>]", re.IGNORECASE)
_STATUSES = {"active": True, "draft": False, "archived": False, "unlisted": False, "": True}

_check_address = URLValidator(schemes=["http", "https"])


def max_length_of(model: type[Model], name: str) -> int:
    return int(getattr(model._meta.get_field(name), "max_length", 0) or 0)


def text_of(model: type[Model], name: str) -> Callable[[str], str]:
    """Return a function that reads a text as long as a field allows."""
    return partial(_text, longest=max_length_of(model, name))


def _text(text: str, longest: int) -> str:
    if len(text) > longest:
        raise ValueError(f"the text has {len(text)} characters; the limit is {longest}.")
    return text


def read_title(text: str) -> str:
    if not text:
        raise ValueError("the title is empty.")
    return _text(text, max_length_of(Goods, "name"))


def read_code(text: str) -> str:
    """Return the code of a SKU, or its barcode, which may be as long."""
    # Shopify puts an apostrophe before codes, so that spreadsheets take them for text.
    return _text(text.removeprefix("'"), max_length_of(Sku, "code"))


def read_handle(text: str) -> str:
    try:
        validate_unicode_slug(_text(text, max_length_of(Goods, "slug")))
    except ValidationError as error:
        raise ValueError(f"{quoted(text)} is not a handle. Use letters, digits and hyphens.") from error
    return text


def _read_choice(text: str, choices: Mapping[str, bool], expected: str) -> bool:
    try:
        return choices[text.lower()]
    except KeyError:
        raise ValueError(f"{quoted(text)} is not {expected}.") from None


read_published = partial(_read_choice, choices={**TRUTHS, "": True}, expected="true or false")
read_status = partial(_read_choice, choices=_STATUSES, expected="active, draft, archived or unlisted")
read_policy = partial(
    _read_choice, choices={"continue": True, "deny": False, "": False, **TRUTHS}, expected="deny or continue"
)


def read_option(text: str) -> str:
    return _text(text, _MAX_ITEM_LENGTH)


def read_tags(text: str) -> list[str]:
    """Return the distinct tags of a cell. A tag with a comma is in quotation marks."""
    tags = chain.from_iterable(csv.reader(_END_OF_LINE.split(text), skipinitialspace=True))
    return list(dict.fromkeys(_text(tag.strip(), _MAX_ITEM_LENGTH) for tag in tags if tag.strip()))


def read_body(text: str) -> str | Changed:
    """Return a description: clean HTML, or plain text with its lines if there is no markup."""
    if not is_html(text):
        plain = html.unescape(text)
        if not is_html(plain):
            return plain if len(plain) <= MAX_CHARACTERS else Changed(plain[:MAX_CHARACTERS], (Kind.SIMPLIFIED_TEXT,))
        text = linebreaks(text)  # a text about tags, which has none
    kinds = [Kind.PICTURE_IN_TEXT] * sum(1 for _ in _EMBEDDED.finditer(text))
    clean = cleaned(text)
    if clean is None:
        clean = without_tags(text)
        kinds.append(Kind.SIMPLIFIED_TEXT)
    return Changed(clean, tuple(kinds)) if kinds else clean


def read_address(text: str) -> str | Changed:
    """Return the URL of a picture."""
    whole = f"https:{text}" if text.startswith("//") else text
    try:
        _check_address(_text(whole, max_length_of(Picture, "source_url")))
    except ValidationError as error:
        raise ValueError(f"{quoted(text)} is not a URL.") from error
    return whole if whole == text else Changed(whole, (Kind.COMPLETED_ADDRESS,))
