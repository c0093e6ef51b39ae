"""What an import changes of what a file says, or leaves out: by kind, with how often and on which lines first."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

MAX_LINES = 5
"""So many lines are named for each kind."""
MAX_COLUMNS = 200


class Kind(Enum):
    """Kinds of notes: the name for programs, and the words for people, after which the count stands."""

    REPEATED_CODE = "repeated-code", "skus with a code (SKU) that another sku has, taken without it"
    NEGATIVE_STOCK = "negative-stock", "skus with a negative quantity and no back orders, taken with a stock of 0"
    NO_QUANTITY = "no-quantity", "new skus without a quantity, not for sale until one is entered (their stock is 0)"
    NOT_TRACKED = "not-tracked", "skus that are not tracked, always for sale (their stock is not counted)"
    SHARED_STOCK = (
        "shared-stock",
        "skus that share the stock of their product, each taken with all of it (correct that)",
    )
    SUMMED_STOCK = "summed-stock", "rows for one more location of a sku, whose quantities were added up"
    NOT_PUBLISHED = "not-published", "products that are drafts, archived, unlisted or hidden, taken as not published"
    ROUNDED_WEIGHT = "rounded-weight", "weights with a fraction of a gram, rounded to whole grams"
    TAXONOMY_CATEGORY = "taxonomy-category", "products without a type, filed under the end of their product category"
    MORE_CATEGORIES = "more-categories", "products in several categories, taken in the first"
    COMPLETED_ADDRESS = "completed-address", "addresses of pictures that begin with //, taken as https"
    LEFT_OUT_PICTURE = "left-out-picture", "pictures without an address on the web, left out"
    PICTURE_IN_TEXT = "picture-in-text", "pictures and videos in descriptions, left out"
    SIMPLIFIED_TEXT = "simplified-text", "descriptions that are too long or have too many tags, taken as plain text"
    SHORT_TEXT = "short-text", "short descriptions of products that have a long one, left out"
    LEFT_OUT_TYPE = "left-out-type", "products of a type that is not sold here (grouped, external), left out"
    NO_PRICE = "no-price", "skus without a price, left out"
    NO_PARENT = "no-parent", "variations whose product is not in the file, left out"
    ANY_VALUE = "any-value", "variations for any value of an option, taken with the value “Any”"
    SHARED_CODE = "shared-code", "products with one code (SKU) for several skus, taken without it"
    ALIKE_SKU = "alike-sku", "variations with the same options as another, left out"


@dataclass(slots=True)
class Note:
    """How often there was something of a kind, and on which lines first."""

    count: int = 0
    lines: list[int] = field(default_factory=list)


class Notes:
    """The notes on one file."""

    def __init__(self) -> None:
        self._notes: dict[Kind, Note] = {}
        self.left_out: dict[str, int] = {}
        """By column that is not used: how many of its cells say something."""

    def add(self, kind: Kind, line: int = 0, count: int = 1) -> None:
        note = self._notes.setdefault(kind, Note())
        note.count += count
        if line and len(note.lines) < MAX_LINES:
            note.lines.append(line)

    def update(self, other: Notes) -> None:
        """Add those of a part of the file."""
        for kind, note in other._notes.items():
            mine = self._notes.setdefault(kind, Note())
            mine.count += note.count
            mine.lines += note.lines[: MAX_LINES - len(mine.lines)]

    def count(self, kind: Kind) -> int:
        return self._notes[kind].count if kind in self._notes else 0

    def warnings(self) -> list[dict[str, Any]]:
        """Return them as JSON has them."""
        return [
            {"kind": kind.value[0], "count": note.count, "detail": kind.value[1], "lines": note.lines}
            for kind, note in sorted(self._notes.items(), key=lambda item: item[0].value)
        ]

    def columns(self) -> list[dict[str, Any]]:
        """Return the columns that are not used and not empty, as JSON has them."""
        named = [{"column": name[:255], "count": count} for name, count in self.left_out.items() if count]
        return named[:MAX_COLUMNS]

    def sentences(self) -> list[str]:
        """Return them as people read them."""
        told = []
        for note in self.warnings():
            lines = ", ".join(map(str, note["lines"])) + (", …" if note["count"] > len(note["lines"]) else "")
            where = f" ({'line' if note['count'] == 1 else 'lines'} {lines})" if note["lines"] else ""
            told.append(f"{note['detail'][0].upper()}{note['detail'][1:]}: {note['count']}{where}.")
        if columns := self.columns():
            told.append("Left out: " + ", ".join(f"{one['column']} ({one['count']})" for one in columns) + ".")
        return told
