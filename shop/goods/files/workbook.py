"""Rows of the first sheet of an XLSX file that is not empty, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from tempfile import TemporaryFile
from typing import IO, Any

from openpyxl import load_workbook
from openpyxl.xml import DEFUSEDXML

from shop.goods.errors import ImportRefused, Problem
from shop.goods.files.delimited import MAX_CELL_CHARACTERS, Row
from shop.goods.files.text import Chunks
from shop.goods.files.workbook_bounds import OutOfBounds, check_workbook

MAX_BYTES = 32 * 1024 * 1024
"""Maximum size of the file. Its directory is at its end, so that it is stored in a temporary file first."""
MAX_COLUMNS = 1_000


class WorkbookRows:
    """The rows that are not empty, iterated once. Raises `ImportRefused`."""

    form = "XLSX"

    def __init__(self, chunks: Chunks) -> None:
        self._chunks = chunks

    def __iter__(self) -> Iterator[Row]:
        with TemporaryFile() as file:
            self._keep(file)
            try:
                check_workbook(file)
                yield from _rows(file)
            except OutOfBounds as refused:
                raise _refused(str(refused)) from refused
            except ImportRefused:
                raise
            except Exception as error:  # a malformed file can make openpyxl raise anything
                raise _refused(f"it cannot be read as XLSX ({type(error).__name__}). Save it as “CSV UTF-8”") from error

    def _keep(self, file: IO[bytes]) -> None:
        for chunk in self._chunks:
            file.write(chunk)
            if self._chunks.bytes_read > MAX_BYTES:
                raise _refused(f"the XLSX file is larger than {MAX_BYTES // 1024 // 1024} MB. Save it as “CSV UTF-8”")


def _rows(file: IO[bytes]) -> Iterator[Row]:
    if not DEFUSEDXML:  # entities could expand without end
        raise RuntimeError("XLSX cannot be read safely: defusedxml is not installed. Install requirements.txt.")
    book = load_workbook(file, read_only=True, data_only=True, keep_links=False)
    try:
        for sheet in book.worksheets:
            sheet.reset_dimensions()  # those in the file may be wrong
            found = False
            for number, values in enumerate(sheet.iter_rows(max_col=MAX_COLUMNS, values_only=True), start=1):
                cells = [_text(value) for value in values]
                if any(map(str.strip, cells)):
                    found = True
                    yield Row(number, cells)
            if found:
                return
    finally:
        book.close()


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime) and not (value.hour or value.minute or value.second):
        return value.date().isoformat()
    text = str(value)
    if len(text) > MAX_CELL_CHARACTERS:
        raise _refused(f"a cell has more than {MAX_CELL_CHARACTERS} characters")
    return text


def _refused(reason: str) -> ImportRefused:
    return ImportRefused([Problem(reason=f"File not imported: {reason}.")])
