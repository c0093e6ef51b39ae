"""Reads a CSV file of any size record by record, and knows on which line of the file each begins."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from shop.goods.errors import ImportRefused, Problem

_MAX_LINE_BYTES = 4 * 1024 * 1024
_MAX_CELL_CHARACTERS = 1024 * 1024
"""Bounds of what is held in memory. The longest descriptions that Shopify takes have half of that."""


@dataclass(frozen=True, slots=True)
class Record:
    """One row: the line that it begins on, and its cells by column, without the spaces around them."""

    line: int
    cells: dict[str, str]


class CsvRecords:
    """The records of a file, to be iterated once; `bytes_read` says how far it is. Raises `ImportRefused`."""

    def __init__(self, source: BinaryIO, *, required: frozenset[str], known: frozenset[str]) -> None:
        csv.field_size_limit(_MAX_CELL_CHARACTERS)
        self.bytes_read = 0
        self._source = source
        self._rows = csv.reader(self._lines(), strict=True)
        self._line = 1
        header = [name.strip() for name in self._next_row([])]
        _check_header(header, required, known)
        self._width = len(header)
        self._columns = [(position, name) for position, name in enumerate(header) if name in known]

    @property
    def columns(self) -> frozenset[str]:
        """The known columns that the file has."""
        return frozenset(name for _, name in self._columns)

    def __iter__(self) -> Iterator[Record]:
        while row := self._next_row(None):
            if not any(row):
                continue
            if len(row) != self._width:
                reason = f"the row has {len(row)} values, the header has {self._width} columns. Is the file cut off?"
                raise ImportRefused([Problem(line=self._line, reason=reason)])
            yield Record(self._line, {name: row[position].strip() for position, name in self._columns})

    def _next_row(self, at_end: list[str] | None) -> list[str] | None:
        """Return the next row that is no empty line, or `at_end`."""
        while True:
            self._line = self._rows.line_num + 1
            try:
                row = next(self._rows, None)
            except csv.Error as error:
                reason = f"this row is no CSV: {error}. Look for a quotation mark that is not closed or not doubled."
                raise ImportRefused([Problem(line=self._line, reason=reason)]) from error
            if row is None:
                return at_end
            if row:
                return row

    def _lines(self) -> Iterator[str]:
        number = 0
        # Read as bytes: text streams decode ahead, and would not know which line is not UTF-8.
        while raw := self._source.readline(_MAX_LINE_BYTES + 1):
            number += 1
            self.bytes_read += len(raw)
            if len(raw) > _MAX_LINE_BYTES:
                reason = f"the line is longer than {_MAX_LINE_BYTES // 1024 // 1024} MB. Is this a CSV file?"
                raise ImportRefused([Problem(line=number, reason=reason)])
            yield _decode(raw, number)


def _decode(raw: bytes, number: int) -> str:
    try:
        text = raw.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError as error:
        reason = f"the text is not UTF-8 (byte {error.start + 1} of the line). Save the file as “CSV UTF-8”."
        raise ImportRefused([Problem(line=number, reason=reason)]) from error
    if "\0" in text:
        raise ImportRefused([Problem(line=number, reason="there is a NUL byte. Save the file as “CSV UTF-8”.")])
    return text


def _check_header(header: list[str], required: frozenset[str], known: frozenset[str]) -> None:
    if not header:
        raise ImportRefused([Problem(reason="The file is empty. Its first line must name the columns.")])
    missing = sorted(required.difference(header))
    if missing:
        reason = f"the header has no column {', '.join(map(repr, missing))}."
        if len(header) == 1:
            reason += " Columns must be separated by commas."
        raise ImportRefused([Problem(line=1, reason=reason)])
    twice = sorted(name for name in known if header.count(name) > 1)
    if twice:
        raise ImportRefused([Problem(line=1, column=name, reason="the column is there twice.") for name in twice])
