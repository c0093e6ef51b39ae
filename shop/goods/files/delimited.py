"""Rows of a CSV file of any size, with their lines."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

from shop.goods.errors import ImportRefused, Problem
from shop.goods.files.text import Chunks, TextLines, name_of

MAX_CELL_CHARACTERS = 1024 * 1024
"""Bounds the memory. Shopify's longest descriptions have half of that."""

_SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar"}


@dataclass(frozen=True, slots=True)
class Row:
    """A row, and the line on which it begins."""

    line: int
    cells: list[str]


class DelimitedRows:
    """The rows of a file that are not empty, with the header, iterated once. Raises `ImportRefused`."""

    def __init__(self, chunks: Chunks) -> None:
        csv.field_size_limit(MAX_CELL_CHARACTERS)
        self._text = TextLines(chunks)
        self._lines_before = 0
        lines, header = self._up_to_header(iter(self._text))
        self._separator = _separator_of(header)
        self._rows = csv.reader(lines, strict=True, delimiter=self._separator)

    @property
    def form(self) -> str:
        """The encoding and separator, for people."""
        return f"CSV, {name_of(self._text.encoding)}, separated by {_SEPARATORS[self._separator]}"

    def __iter__(self) -> Iterator[Row]:
        while True:
            line = self._rows.line_num + 1 + self._lines_before
            try:
                cells = next(self._rows, None)
            except csv.Error as error:
                reason = f"this row is not CSV: {error}. Look for a quotation mark that is not closed or not doubled."
                raise ImportRefused([Problem(line=line, reason=reason)]) from error
            if cells is None:
                return
            if any(map(str.strip, cells)):
                yield Row(line, cells)

    def _up_to_header(self, lines: Iterator[str]) -> tuple[Iterable[str], str]:
        read: list[str] = []
        for line in lines:
            if line.lower().startswith("sep=") and not read:  # a hint to Excel
                self._lines_before = 1
                continue
            read.append(line)
            if line.strip():
                return chain(read, lines), line
        return read, ""


def _separator_of(header: str) -> str:
    """Return the separator that gives the header the most columns; a comma if none does."""

    def names(separator: str) -> int:
        try:
            return len(next(csv.reader([header], delimiter=separator), []))
        except csv.Error:  # a cell too long
            return 0

    return max(_SEPARATORS, key=names)
