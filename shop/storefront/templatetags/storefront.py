"""The template filters `palette`, `rich` and `in_words`."""

from __future__ import annotations

import zlib

from django import template
from django.utils.safestring import SafeString

from shop.goods.plain_text import plain_text
from shop.goods.rich_text import as_markup, is_html

register = template.Library()

PALETTES = 8
"""In palettes.css: `.palette-0` to `.palette-7`."""


@register.filter
def palette(slug: str) -> str:
    """Return the CSS class of a shop's palette, the same for a slug in every process and release."""
    return f"palette-{zlib.crc32(slug.encode()) % PALETTES}"


@register.filter
def rich(description: str) -> SafeString:
    return as_markup(description)


_READ_FOR_SUMMARY = 4_000
"""Characters of a description for a summary: reading all of it could take longer than the page."""


@register.filter
def in_words(description: str) -> str:
    beginning = description[:_READ_FOR_SUMMARY]
    return plain_text(beginning) if is_html(beginning) else beginning
