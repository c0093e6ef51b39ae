"""A table in a CSV or XLSX file: its columns, and records by column."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from shop.goods.errors import ImportRefused, Problem
from shop.goods.files.delimited import DelimitedRows, Row
from shop.goods.files.text import Chunks, Source
from shop.goods.files.workbook import WorkbookRows
from shop.goods.formulas import from_spreadsheet

MAX_COLUMNS = 1_000

_OTHER_KINDS = {
    b"\xd0\xcf\x11\xe0": "an old Excel file (.xls). Save it as .xlsx or “CSV UTF-8”.",
    b"%PDF": "a PDF. Export the products as CSV or XLSX.",
    b"<": "HTML or XML. Open it in a spreadsheet and save it as .xlsx or “CSV UTF-8”.",
    b"{": "JSON. Export the products as CSV or XLSX, or send JSON lines to POST /goods/bulk of the API.",
    b"\x1f\x8b": "compressed with gzip. Decompress it first.",
}


@dataclass(frozen=True, slots=True)
class Record:
    """A row: the line on which it begins, and its stripped cells by column."""

    line: int
    cells: dict[str, str]


class Table:
    """The table in a file. After `select`, its records are iterated once."""

    def __init__(self, source: Source) -> None:
        self._chunks = Chunks(source)
        first = self._chunks.first
        for begins, kind in _OTHER_KINDS.items():
            if first.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(begins):
                raise ImportRefused([Problem(reason=f"The file is {kind}")])
        self._kind = WorkbookRows(self._chunks) if first.startswith(b"PK\x03\x04") else DelimitedRows(self._chunks)
        self._rows = iter(self._kind)
        header = next(self._rows, None)
        if header is None:
            raise ImportRefused([Problem(reason="The file is empty. The first line must name the columns.")])
        self.header_line = header.line
        self.header = [name.strip() for name in header.cells]
        if isinstance(self._kind, WorkbookRows):
            while self.header and not self.header[-1]:
                self.header.pop()
        if len(self.header) > MAX_COLUMNS:
            raise ImportRefused([Problem(line=header.line, reason=f"more than {MAX_COLUMNS} columns.")])
        self._columns: list[tuple[int, str]] = []
        self._others: list[tuple[int, str]] = []
        self.left_out: Counter[str] = Counter()
        """By unused column: how many of its cells are not empty."""

    @property
    def bytes_read(self) -> int:
        return self._chunks.bytes_read

    @property
    def form(self) -> str:
        return self._kind.form

    @property
    def columns(self) -> frozenset[str]:
        return frozenset(name for _, name in self._columns)

    def select(self, names: Mapping[str, str]) -> None:
        """Select columns: `names` has their names in the file, in lower case, and those in records."""
        found = [(position, names.get(name.lower(), ""), name) for position, name in enumerate(self.header)]
        self._columns = [(position, name) for position, name, _ in found if name]
        self._others = [(position, own) for position, name, own in found if not name]
        given = Counter(name for _, name in self._columns)
        if twice := [name for name, count in given.items() if count > 1]:
            reason = "the column appears twice."
            raise ImportRefused([Problem(line=self.header_line, column=name, reason=reason) for name in twice])

    def __iter__(self) -> Iterator[Record]:
        for row in self._rows:
            cells = self._whole(row)
            for position, name in self._others:
                if cells[position]:
                    self.left_out[name] += 1
            yield Record(
                row.line, {name: from_spreadsheet(cells[position].strip()) for position, name in self._columns}
            )

    def _whole(self, row: Row) -> list[str]:
        width, cells = len(self.header), row.cells
        if isinstance(self._kind, WorkbookRows):
            return [*cells[:width], *[""] * (width - len(cells))]
        if not any(cells[width:]):  # trailing separators
            cells = cells[:width]
        if len(cells) != width:
            reason = f"the row has {len(cells)} values, but the header has {width} columns. Is the file truncated?"
            raise ImportRefused([Problem(line=row.line, reason=reason)])
        return cells
