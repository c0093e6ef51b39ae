"""The template filters `palette`, `rich` and `in_words`."""

from __future__ import annotations

import zlib

from django import template
from django.utils.safestring import SafeString

from shop.goods.plain_text import plain_text
from shop.goods.rich_text import as_markup, is_html

register = template.Library()

PALETTES = 8
"""How many looks shop.css has: `.palette-0` to `.palette-7`."""


@register.filter
def palette(slug: str) -> str:
    """Return the class that gives a shop its look. The same slug has the same one in every process and release."""
    return f"palette-{zlib.crc32(slug.encode()) % PALETTES}"


@register.filter
def rich(description: str) -> SafeString:
    """Return the markup of a description, without whatever could do harm, also where it is stored."""
    return as_markup(description)


@register.filter
def in_words(description: str) -> str:
    """Return a description as plain text."""
    return plain_text(description) if is_html(description) else description
