"""Lines of a text file in UTF-8, UTF-16, CP949 or Windows-1252, which is detected."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import Protocol

from shop.goods.errors import ImportRefused, Problem

MAX_LINE_BYTES = 4 * 1024 * 1024

_BEFORE_LINE_OF_OLD_MACS = re.compile(r"(?<=\r)(?!\n)")
_PAIRS_OF_KOREAN = re.compile(rb"[\xa1-\xfe][\xa1-\xfe]")
_OTHER_HIGH_BYTES = re.compile(rb"[\x80-\xff]")


class Source(Protocol):
    """A request body, pieces in the database, a file or a pipe."""

    def readline(self, size: int = -1, /) -> bytes: ...


class Chunks:
    """A source in pieces of at most a line; the first can be inspected before reading."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.bytes_read = 0
        self.first = source.readline(MAX_LINE_BYTES + 1)

    def __iter__(self) -> Iterator[bytes]:
        chunk = self.first
        self.first = b""
        while chunk:
            self.bytes_read += len(chunk)
            yield chunk
            chunk = self._source.readline(MAX_LINE_BYTES + 1)


class TextLines:
    """The lines of a text, iterated once. `encoding` is known after the first non-ASCII character."""

    def __init__(self, chunks: Chunks) -> None:
        self.encoding = _wide_encoding(chunks.first) or "utf-8"
        self._chunks = chunks
        self._is_decided = self.encoding != "utf-8"

    def __iter__(self) -> Iterator[str]:
        lines = self._wide_lines() if self.encoding.startswith("utf-16") else self._lines()
        for number, line in enumerate(lines, start=1):
            if "\0" in line:
                reason = "the line has a NUL byte. Save the file as “CSV UTF-8”."
                raise ImportRefused([Problem(line=number, reason=reason)])
            # Old Macs end lines with `\r`. In a quoted cell it stays.
            yield from _BEFORE_LINE_OF_OLD_MACS.split(line) if "\r" in line.rstrip("\r\n") else (line,)

    def _lines(self) -> Iterator[str]:
        for number, raw in enumerate(self._chunks, start=1):
            if len(raw) > MAX_LINE_BYTES:
                raise _too_long(number)
            yield self._decode(raw.removeprefix(codecs.BOM_UTF8) if number == 1 else raw, number)

    def _decode(self, raw: bytes, number: int) -> str:
        if not raw.isascii() and not self._is_decided:
            self.encoding = _encoding_of(raw)
            self._is_decided = True
        try:
            return raw.decode(self.encoding)
        except UnicodeDecodeError as error:
            reason = (
                f"the encoding changes: byte {error.start + 1} of the line is not {name_of(self.encoding)}. "
                "Save the file as “CSV UTF-8”."
            )
            raise ImportRefused([Problem(line=number, reason=reason)]) from error

    def _wide_lines(self) -> Iterator[str]:
        decoder = codecs.getincrementaldecoder(self.encoding)()
        left, number = "", 1
        try:
            for raw in self._chunks:
                *lines, left = (left + decoder.decode(raw)).split("\n")
                for line in lines:
                    yield f"{line}\n".removeprefix("\ufeff")
                    number += 1
                if len(left) > MAX_LINE_BYTES:
                    raise _too_long(number)
            left += decoder.decode(b"", final=True)
        except UnicodeDecodeError as error:
            reason = "the encoding changes: the text is not UTF-16. Save the file as “CSV UTF-8”."
            raise ImportRefused([Problem(line=number, reason=reason)]) from error
        if left:
            yield left.removeprefix("\ufeff")


def name_of(encoding: str) -> str:
    names = {"utf-8": "UTF-8", "cp949": "Korean (CP949)", "cp1252": "Western European (Windows-1252)"}
    return names.get(encoding, encoding.upper())


def _wide_encoding(first: bytes) -> str:
    if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    # Two ASCII characters without a byte order mark.
    if first[1:2] == first[3:4] == b"\0" != first[:1]:
        return "utf-16-le"
    return "utf-16-be" if first[:1] == first[2:3] == b"\0" != first[1:2] else ""


def _encoding_of(raw: bytes) -> str:
    """Return the encoding of the first line that is not ASCII."""
    for encoding in ("utf-8", "cp949", "cp1252"):
        try:
            raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        # "100 °C" is valid CP949 too; but in Korean most of these bytes come in pairs.
        if encoding == "cp949" and 2 * len(_PAIRS_OF_KOREAN.findall(raw)) <= len(_OTHER_HIGH_BYTES.findall(raw)) // 2:
            continue
        return encoding
    return "latin-1"


def _too_long(number: int) -> ImportRefused:
    reason = f"longer than {MAX_LINE_BYTES // 1024 // 1024} MB. Is this a CSV file?"
    return ImportRefused([Problem(line=number, reason=reason)])
