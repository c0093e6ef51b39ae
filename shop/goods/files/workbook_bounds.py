"""Limits of XLSX files: a small file can be made to fill any memory when it is unpacked.

The sizes in its directory are binding: `zipfile` unpacks no more. The XML is parsed once before openpyxl reads it, and
nothing is kept: openpyxl keeps a whole row, and the texts of all cells.
"""

from __future__ import annotations

import zipfile
from typing import IO, Any
from xml.parsers import expat

MAX_PARTS = 1_000
MAX_UNPACKED = 256 * 1024 * 1024
MAX_SHARED = 16 * 1024 * 1024
"""Maximum size of the parts that are completely in memory: the distinct texts of all cells, and the styles."""
MAX_SHARED_ELEMENTS = 500_000
MAX_ROWS = 200_000
MAX_ROW_ELEMENTS = 10_000
MAX_ROW_CHARACTERS = 4 * 1024 * 1024

_SHEETS = "xl/worksheets/"
_CHUNK = 64 * 1024


class OutOfBounds(Exception):
    """The file is not a workbook, or too large."""


def check_workbook(file: IO[bytes]) -> None:
    """Raise `OutOfBounds` for a file that openpyxl must not read."""
    try:
        with zipfile.ZipFile(file) as packed:
            for part in _parts(packed):
                with packed.open(part) as xml:
                    _Check(part.filename).read(xml)
    except (zipfile.BadZipFile, expat.ExpatError, ValueError, NotImplementedError, EOFError, RuntimeError) as error:
        raise OutOfBounds("it is damaged. Save it again, or as “CSV UTF-8”") from error


def _parts(packed: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """Return the XML parts. Pictures and the like are never unpacked."""
    parts = packed.infolist()
    if not any(part.filename == "xl/workbook.xml" for part in parts):
        raise OutOfBounds("it is a ZIP file, not XLSX. Unpack it and import the CSV files one by one")
    read = [part for part in parts if part.filename.endswith((".xml", ".rels"))]
    shared = sum(part.file_size for part in read if not part.filename.startswith(_SHEETS))
    if len(parts) > MAX_PARTS or shared > MAX_SHARED or sum(part.file_size for part in read) > MAX_UNPACKED:
        raise _too_large()
    return read


class _Check:
    """Counts what one part would need in memory."""

    def __init__(self, name: str) -> None:
        self._is_sheet = name.startswith(_SHEETS) and name.endswith(".xml")
        self._rows = self._elements = self._characters = 0
        self._others = 0
        self._is_in_row = False
        self._parser = expat.ParserCreate()
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text
        self._parser.StartDoctypeDeclHandler = self._refuse  # entities could expand without end

    def read(self, xml: IO[bytes]) -> None:
        while chunk := xml.read(_CHUNK):
            self._parser.Parse(chunk, False)
        self._parser.Parse(b"", True)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if self._is_sheet and name.rpartition(":")[2] == "row":
            self._rows += 1
            self._elements = self._characters = 0
            self._is_in_row = True
        if self._is_in_row:
            self._elements += 1
        else:
            self._others += 1
        if (
            self._rows > MAX_ROWS
            or self._others > MAX_SHARED_ELEMENTS
            or self._elements > MAX_ROW_ELEMENTS
            or self._characters > MAX_ROW_CHARACTERS
        ):
            raise _too_large()

    def _end(self, name: str) -> None:
        if name.rpartition(":")[2] == "row":
            self._is_in_row = False
            self._elements = self._characters = 0

    def _text(self, text: str) -> None:
        self._characters += len(text) if self._is_sheet else 0
        if self._characters > MAX_ROW_CHARACTERS:
            raise _too_large()

    def _refuse(self, *_: Any) -> None:
        raise OutOfBounds("it declares a document type, which no spreadsheet does. Save it again, or as “CSV UTF-8”")


def _too_large() -> OutOfBounds:
    return OutOfBounds("it is too large when unpacked. Save it as “CSV UTF-8”")
