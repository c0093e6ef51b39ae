"""Plain-text tables for the output of commands."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from unicodedata import east_asian_width


def table_text(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table with a header, and one line for each row."""
    lines = [list(columns), *([str(cell) for cell in row] for row in rows)]
    widths = [max(map(_width, column)) for column in zip(*lines, strict=True)]
    texts = ("  ".join(map(_padded, row, widths)).rstrip() for row in lines)
    return "".join(f"{text}\n" for text in texts)


def _padded(cell: str, width: int) -> str:
    return cell + " " * (width - _width(cell))


def _width(text: str) -> int:
    """Return the columns on a terminal: Korean letters take two."""
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)
