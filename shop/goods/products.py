"""Products as any kind of file gives them to the import."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol, Self

from shop.goods.errors import Problems
from shop.goods.notes import Notes

MAX_ROWS = 5000
"""The rows of one product are in memory at once. Shopify's own limits are 2048 variants and 250 pictures."""

SkuKey = tuple[str, ...]


@dataclass(slots=True)
class Part:
    """A sku or a picture of a product: its line in the file, and the fields that the file fills."""

    line: int
    fields: dict[str, Any]
    if_new: dict[str, Any] = field(default_factory=dict)
    """What is only for a row that the shop has not got yet."""


@dataclass(slots=True)
class Product:
    """A product: its line in the file, and the fields that the file fills; others are to stay as they are."""

    line: int
    slug: str
    fields: dict[str, Any]
    category: str | None
    """The name of its category; empty for none, None if the file has no such column."""
    skus: dict[SkuKey, Part] = field(default_factory=dict)
    """By option values, which are in the fields as well; by code alone where they are not."""
    pictures: dict[str, Part] = field(default_factory=dict)
    """By address."""


class ProductFile(Protocol):
    """Products in a file, to be iterated once, inside a `with` block."""

    drops_duplicate_codes: bool
    """Whether a code that another sku has is left out with a warning; else it is a problem."""
    problems: Problems
    """What is wrong with it, as far as it was read. A product that is wrong is not given."""
    notes: Notes
    """What of it is taken otherwise than it says, or left out, as far as it was read."""

    @property
    def form(self) -> str:
        """What kind of file it is, in words."""

    @property
    def bytes_read(self) -> int:
        """How much of the file was read."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def __iter__(self) -> Iterator[Product]:
        """Give the products; raise `ImportRefused` at once for what makes reading on senseless."""


class Seen:
    """Where a handle or a code stood first. Kept in a temporary file, so that long files do not fill the memory."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("")
        self._database.execute(
            "CREATE TABLE seen (kind TEXT, name TEXT, line INTEGER, PRIMARY KEY (kind, name)) WITHOUT ROWID"
        )

    def first_line(self, kind: str, name: str, line: int) -> int:
        if self._database.execute("INSERT OR IGNORE INTO seen VALUES (?, ?, ?)", (kind, name, line)).rowcount:
            return line
        where = "SELECT line FROM seen WHERE kind = ? AND name = ?"
        return int(self._database.execute(where, (kind, name)).fetchone()[0])

    def close(self) -> None:
        self._database.close()
