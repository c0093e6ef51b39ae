"""Files that a client sends as the body of a request: read as they come, whole or not at all."""

from __future__ import annotations

import codecs

from django.http import HttpRequest

from shop.goods.errors import ImportRefused, Problem
from tenants.contrib.api.errors import APIError

MAX_BYTES = 256 * 1024 * 1024
CSV = "text/csv"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
NDJSON = "application/x-ndjson"
BYTES = "application/octet-stream"
"""Any of them, told by how it begins. Clients that are generated from the OpenAPI document send this."""
_LONGEST_FIRST_LINE = 64 * 1024


class Upload:
    """The body of a request as a file. Raises `ImportRefused` at an end that comes too early: the client is gone."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request
        self._expected = int(request.META.get("CONTENT_LENGTH") or 0)
        self.bytes_read = 0
        self._ahead = b""
        """What was looked at, and is still to be given."""
        self._check_size(self._expected)

    def begins_with(self, mark: bytes) -> bool:
        """Tell whether the body begins with `mark`, behind a byte order mark too; nothing of it is lost."""
        self._ahead = self._ahead or self._counted(self._request.readline(_LONGEST_FIRST_LINE))
        return self._ahead.removeprefix(codecs.BOM_UTF8).startswith(mark)

    def readline(self, size: int = -1) -> bytes:
        """Return a line, or what `size` lets in of it."""
        line = self._looked_at(size)
        if line.endswith(b"\n") or len(line) == size:
            return line
        return line + self._counted(self._request.readline(size if size < 0 else size - len(line)))

    def read(self, size: int = -1) -> bytes:
        """Return so many bytes, or fewer."""
        return self._looked_at(size) or self._counted(self._request.read(size))

    def _looked_at(self, size: int) -> bytes:
        end = len(self._ahead) if size < 0 else size
        given, self._ahead = self._ahead[:end], self._ahead[end:]
        return given

    def _counted(self, data: bytes) -> bytes:
        self.bytes_read += len(data)
        self._check_size(self.bytes_read)
        if not data and self.bytes_read < self._expected:
            reason = f"Only {self.bytes_read} of {self._expected} bytes arrived. Send it again."
            raise ImportRefused([Problem(reason=reason)])
        return data

    def _check_size(self, size: int) -> None:
        if size > MAX_BYTES:
            raise APIError(413, f"A file may have {MAX_BYTES // 1024 // 1024} MB. Send it in parts.", kind="too-large")


def kind_of(request: HttpRequest, *kinds: str) -> str:
    """Return which of `kinds` the body is said to be; raise `APIError` (415) for another."""
    kind = request.content_type or ""
    if kind not in kinds:
        raise APIError(415, f"The Content-Type has to be {' or '.join(kinds)}.", kind="unsupported-media-type")
    return kind
