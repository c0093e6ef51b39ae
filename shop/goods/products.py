"""Products as the import gets them from any kind of file."""

from __future__ import annotations

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Self

from shop.goods.errors import Problems
from shop.goods.notes import Notes

MAX_ROWS = 5000
"""Rows of one product, which are in memory at once. Shopify allows 2048 variants and 250 pictures."""

SkuKey = tuple[str, ...]


@dataclass(slots=True)
class Part:
    """A SKU or a picture of a product."""

    line: int
    fields: dict[str, Any]
    if_new: dict[str, Any] = field(default_factory=dict)
    """Fields for a new row only."""


@dataclass(slots=True)
class Product:
    """A product. Fields that are missing here stay as they are in the shop."""

    line: int
    slug: str
    fields: dict[str, Any]
    category: str | None
    """The name of its category; empty for none, None if the file has no such column."""
    skus: dict[SkuKey, Part] = field(default_factory=dict)
    """By option values, which are among the fields too; by code if the file has no options."""
    pictures: dict[str, Part] = field(default_factory=dict)
    """By address."""


class ProductFile(ABC):
    """The products in a file, iterated once in a `with` block. Products with an error are left out.

    `problems` and `notes` are complete when the iteration has ended.
    """

    drops_duplicate_codes = True
    """Whether a code that another SKU has is left out with a warning; else it is an error."""

    def __init__(self) -> None:
        self.problems = Problems()
        self.notes = Notes()
        self._seen = Seen()

    @property
    @abstractmethod
    def form(self) -> str:
        """The kind of file, for people."""

    @property
    @abstractmethod
    def bytes_read(self) -> int: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._seen.close()

    @abstractmethod
    def __iter__(self) -> Iterator[Product]:
        """Yield the products; raise `ImportRefused` for an error that makes the rest unreadable."""


class Seen:
    """The first lines of handles and codes, in a temporary file: long files do not fill the memory."""

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
