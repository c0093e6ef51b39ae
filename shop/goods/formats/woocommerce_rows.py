"""All rows of a WooCommerce file, in a temporary file: variations can come before or after their product."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator

from shop.goods.files.table import Record
from shop.goods.products import MAX_ROWS


class Rows:
    """Products, and variations by their product."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("")
        self._database.executescript(
            "CREATE TABLE product (line INTEGER PRIMARY KEY, cells TEXT);"
            "CREATE TABLE variation (line INTEGER PRIMARY KEY, parent TEXT, position INTEGER, cells TEXT,"
            " is_left INTEGER DEFAULT 1);"
            "CREATE INDEX by_parent ON variation (parent, position, line);"
        )

    def add(self, record: Record, *, is_variation: bool) -> None:
        cells = json.dumps(record.cells)
        if not is_variation:
            self._database.execute("INSERT INTO product VALUES (?, ?)", (record.line, cells))
            return
        position = record.cells.get("Position", "")
        place = int(position) if position.isascii() and position.isdigit() and len(position) < 10 else 0
        self._database.execute(
            "INSERT INTO variation (line, parent, position, cells) VALUES (?, ?, ?, ?)",
            (record.line, record.cells.get("Parent", ""), place, cells),
        )

    def products(self) -> Iterator[Record]:
        for line, cells in self._database.execute("SELECT line, cells FROM product ORDER BY line"):
            yield Record(line, json.loads(cells))

    def variations_of(self, product: Record) -> Iterator[Record]:
        names = [f"id:{product.cells['ID']}"] if product.cells.get("ID") else []
        names += [product.cells["SKU"]] if product.cells.get("SKU") else []
        where = f"parent IN ({', '.join('?' * len(names))})"
        self._database.execute(f"UPDATE variation SET is_left = 0 WHERE {where}", names)  # noqa: S608 - marks alone
        query = f"SELECT line, cells FROM variation WHERE {where} ORDER BY position, line LIMIT {MAX_ROWS + 1}"  # noqa: S608
        for line, cells in self._database.execute(query, names).fetchall():
            yield Record(line, json.loads(cells))

    def lines_left(self) -> Iterator[int]:
        """Yield the lines of variations without a product."""
        for (line,) in self._database.execute("SELECT line FROM variation WHERE is_left ORDER BY line"):
            yield line

    def close(self) -> None:
        self._database.close()
