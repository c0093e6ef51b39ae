"""Files in the body of a request, read as they arrive."""

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
"""Any kind, recognized by its beginning. Clients that are generated from the OpenAPI document send this."""
_LONGEST_FIRST_LINE = 64 * 1024


class Upload:
    """The body of a request as a file. Raises `ImportRefused` if the body is incomplete."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request
        self._expected = int(request.META.get("CONTENT_LENGTH") or 0)
        self.bytes_read = 0
        self._ahead = b""
        """Read by `begins_with`, and not returned yet."""
        self._check_size(self._expected)

    def begins_with(self, mark: bytes) -> bool:
        """Tell whether the body begins with `mark`, also after a byte order mark."""
        self._ahead = self._ahead or self._counted(self._request.readline(_LONGEST_FIRST_LINE))
        return self._ahead.removeprefix(codecs.BOM_UTF8).startswith(mark)

    def readline(self, size: int = -1) -> bytes:
        line = self._take_ahead(size)
        if line.endswith(b"\n") or len(line) == size:
            return line
        return line + self._counted(self._request.readline(size if size < 0 else size - len(line)))

    def read(self, size: int = -1) -> bytes:
        return self._take_ahead(size) or self._counted(self._request.read(size))

    def _take_ahead(self, size: int) -> bytes:
        end = len(self._ahead) if size < 0 else size
        taken, self._ahead = self._ahead[:end], self._ahead[end:]
        return taken

    def _counted(self, data: bytes) -> bytes:
        self.bytes_read += len(data)
        self._check_size(self.bytes_read)
        if not data and self.bytes_read < self._expected:
            reason = f"Only {self.bytes_read} of {self._expected} bytes arrived. Send the file again."
            raise ImportRefused([Problem(reason=reason)])
        return data

    def _check_size(self, size: int) -> None:
        if size > MAX_BYTES:
            limit = MAX_BYTES // 1024 // 1024
            raise APIError(413, f"The file is larger than {limit} MB. Split it.", kind="too-large")


def kind_of(request: HttpRequest, *kinds: str) -> str:
    """Return the content type of the body; raise `APIError` (415) if it is none of `kinds`."""
    kind = request.content_type or ""
    if kind not in kinds:
        raise APIError(415, f"The Content-Type must be {' or '.join(kinds)}.", kind="unsupported-media-type")
    return kind
