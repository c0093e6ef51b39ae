"""ETag, If-None-Match and If-Match (RFC 9110), which prevent lost updates."""

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
        description="The ETag of the version that you read, or `*` to overwrite any version. Required: 428 without it.",
    ),
]
"""The type of the parameter `if_match`, for `check_if_match`."""


def etag_of(shown: Schema) -> str:
    """Return a strong ETag: equal only if every byte of the JSON is."""
    text = json.dumps(shown.model_dump(), cls=NinjaJSONEncoder, sort_keys=True)
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'


def check_if_match(if_match: str | None, shown: Schema) -> None:
    """Raise `APIError` if If-Match is missing (428) or is not the ETag of the current state (412)."""
    if if_match is None:
        detail = "Precondition required. Send If-Match with the ETag that you read."
        raise APIError(
            428, detail, kind="precondition-required", errors=[ErrorDetail(("header", "If-Match"), detail, "missing")]
        )
    seen = parse_etags(if_match)
    if "*" not in seen and etag_of(shown) not in seen:
        raise APIError(412, "Changed since you read it. Read it again and retry.", kind="precondition-failed")


def with_etag(request: HttpRequest, response: HttpResponse, shown: Shown) -> Shown | HttpResponse:
    """Add the ETag to `response` and return `shown`, or return 304 if the client already has that version."""
    etag = etag_of(shown)
    seen = parse_etags(request.headers.get("If-None-Match", ""))
    if request.method == "GET" and ("*" in seen or etag in seen or f"W/{etag}" in seen):
        return HttpResponseNotModified(headers={"ETag": etag})
    response["ETag"] = etag
    return shown
