"""The charset that a request's Content-Type names: taken where it is one of texts, ignored where it is none."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from django.utils.http import parse_header_parameters

_ALL_BYTES = bytes(range(256))


@lru_cache(maxsize=64)
def is_text_charset(name: str) -> bool:
    """Tell whether Python decodes any bytes to text by that name; `hex` and `idna` are codecs too."""
    try:
        _ALL_BYTES.decode(name, "replace")
    except (LookupError, ValueError):
        return False
    return True


class ReadsCharset:
    """Request mixin that accepts any Content-Type.

    Django's request decodes the query with the charset of the header. An invalid one raises an error outside
    Django's handlers, so the client would get the server's error page without security headers.
    """

    content_type: str | None
    content_params: dict[str, str] | None
    _encoding: str | None

    def _set_content_type_params(self, meta: Mapping[str, Any]) -> None:
        params: dict[str, str]
        try:
            self.content_type, params = parse_header_parameters(meta.get("CONTENT_TYPE", ""))
        except ValueError:  # far too long
            self.content_type, params = "", {}
        self.content_params = params
        charset = params.get("charset", "")
        if charset and is_text_charset(charset):
            self._encoding = charset
