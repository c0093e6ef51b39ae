"""Warnings of an import: what it changed or left out, by kind, with counts and the first lines."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

MAX_LINES = 5
"""Lines that are listed for each kind."""
MAX_COLUMNS = 200


class Kind(Enum):
    """Kinds of warnings: a name for programs, and a text for people, which the count follows."""

    REPEATED_CODE = "repeated-code", "variants whose SKU another variant has, imported without it"
    NEGATIVE_STOCK = "negative-stock", "variants with negative stock and no back orders, imported with stock 0"
    NO_QUANTITY = "no-quantity", "new variants without a quantity, imported with stock 0"
    NOT_TRACKED = "not-tracked", "variants whose stock is not tracked, always available"
    SHARED_STOCK = "shared-stock", "variants that share the stock of their product, each imported with all of it"
    SUMMED_STOCK = "summed-stock", "rows for another location of a variant, whose quantities were added up"
    NOT_PUBLISHED = "not-published", "products that are drafts, archived, unlisted or hidden, imported as unpublished"
    ROUNDED_WEIGHT = "rounded-weight", "weights with a fraction of a gram, rounded to whole grams"
    TAXONOMY_CATEGORY = "taxonomy-category", "products without a type, filed under the end of their product category"
    MORE_CATEGORIES = "more-categories", "products in several categories, imported into the first"
    COMPLETED_ADDRESS = "completed-address", "image URLs that begin with //, imported as https"
    LEFT_OUT_PICTURE = "left-out-picture", "images without a URL, left out"
    PICTURE_IN_TEXT = "picture-in-text", "images and videos in descriptions, left out"
    SIMPLIFIED_TEXT = "simplified-text", "descriptions that are too long or have too many tags, imported as plain text"
    SHORT_TEXT = "short-text", "short descriptions of products that have a long one, left out"
    LEFT_OUT_TYPE = "left-out-type", "products of unsupported types (grouped, external), left out"
    NO_PRICE = "no-price", "variants without a price, left out"
    NO_PARENT = "no-parent", "variations whose product is not in the file, left out"
    ANY_VALUE = "any-value", "variations for any value of an option, imported with the value “Any”"
    SHARED_CODE = "shared-code", "products with one SKU for several variants, imported without it"
    ALIKE_SKU = "alike-sku", "variations with the same options as another, left out"


@dataclass(slots=True)
class Note:
    count: int = 0
    lines: list[int] = field(default_factory=list)


class Notes:
    """The warnings about one file."""

    def __init__(self) -> None:
        self._notes: dict[Kind, Note] = {}
        self.left_out: dict[str, int] = {}
        """By unused column: how many of its cells are not empty."""

    def add(self, kind: Kind, line: int = 0, count: int = 1) -> None:
        self._merge(kind, Note(count, [line] if line else []))

    def update(self, other: Notes) -> None:
        for kind, note in other._notes.items():
            self._merge(kind, note)

    def count(self, kind: Kind) -> int:
        return self._notes[kind].count if kind in self._notes else 0

    def warnings(self) -> list[dict[str, Any]]:
        """Return the warnings as JSON has them."""
        return [
            {"kind": kind.value[0], "count": note.count, "detail": kind.value[1], "lines": note.lines}
            for kind, note in sorted(self._notes.items(), key=lambda item: item[0].value)
        ]

    def columns(self) -> list[dict[str, Any]]:
        """Return the unused columns that are not empty, as JSON has them."""
        named = [{"column": name[:255], "count": count} for name, count in self.left_out.items() if count]
        return named[:MAX_COLUMNS]

    def sentences(self) -> list[str]:
        """Return the warnings and unused columns for people."""
        sentences = []
        for note in self.warnings():
            lines = ", ".join(map(str, note["lines"])) + (", …" if note["count"] > len(note["lines"]) else "")
            where = f" ({'line' if note['count'] == 1 else 'lines'} {lines})" if note["lines"] else ""
            sentences.append(f"{note['detail'][0].upper()}{note['detail'][1:]}: {note['count']}{where}.")
        if columns := self.columns():
            sentences.append("Left out: " + ", ".join(f"{one['column']} ({one['count']})" for one in columns) + ".")
        return sentences

    def _merge(self, kind: Kind, note: Note) -> None:
        mine = self._notes.setdefault(kind, Note())
        mine.count += note.count
        mine.lines += note.lines[: MAX_LINES - len(mine.lines)]
