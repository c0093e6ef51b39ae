"""The template filter `palette`."""

from __future__ import annotations

import zlib

from django import template

register = template.Library()

PALETTES = 8
"""How many looks shop.css has: `.palette-0` to `.palette-7`."""


@register.filter
def palette(slug: str) -> str:
    """Return the class that gives a shop its look. The same slug has the same one in every process and release."""
    return f"palette-{zlib.crc32(slug.encode()) % PALETTES}"
