"""Nobody overwrites what they have not seen: ETags on what is read, If-Match on what is written (RFC 9110)."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, TypeVar

from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.utils.http import parse_etags
from ninja import Header, Schema
from ninja.responses import NinjaJSONEncoder

from tenants.contrib.api.errors import APIError, ErrorDetail

Shown = TypeVar("Shown", bound=Schema)

IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        description="The ETag that came with what was read; `*` overwrites whatever is there. 428 without it.",
    ),
]
"""The type of a parameter `if_match`, which an operation that writes passes on to `check_if_match`."""


def etag_of(shown: Schema) -> str:
    """Return the strong ETag of what is shown: the same only where every byte is."""
    text = json.dumps(shown.model_dump(), cls=NinjaJSONEncoder, sort_keys=True)
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'


def check_if_match(if_match: str | None, shown: Schema) -> None:
    """Raise `APIError` unless the client has seen what is there: 428 if it does not say so, 412 if it has not."""
    if if_match is None:
        detail = "Send If-Match with the ETag that you have read, so that nobody's change is lost."
        raise APIError(
            428, detail, kind="precondition-required", errors=[ErrorDetail(("header", "If-Match"), detail, "missing")]
        )
    seen = parse_etags(if_match)
    if "*" not in seen and etag_of(shown) not in seen:
        raise APIError(412, "It was changed since you have read it. Read it again.", kind="precondition-failed")


def with_etag(request: HttpRequest, response: HttpResponse, shown: Shown) -> Shown | HttpResponse:
    """Return what is shown, with its ETag in the headers of `response`; or 304 for a client that has it already."""
    etag = etag_of(shown)
    seen = parse_etags(request.headers.get("If-None-Match", ""))
    if request.method == "GET" and ("*" in seen or etag in seen or f"W/{etag}" in seen):
        unchanged = HttpResponseNotModified()
        unchanged["ETag"] = etag
        return unchanged
    response["ETag"] = etag
    return shown
