"""Problem details (RFC 9457): the JSON body of error responses."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

PROBLEM_MEDIA_TYPE = "application/problem+json"
PROBLEM_CONTENT_TYPE = f"{PROBLEM_MEDIA_TYPE}; charset=utf-8"

_TITLES = {
    413: "Content Too Large",
    414: "URI Too Long",
    416: "Range Not Satisfiable",
    422: "Unprocessable Content",
}
"""Phrases of RFC 9110 where older versions of Python have former ones."""


def problem_details(status: int, detail: str, *, kind: str = "", title: str = "", **members: Any) -> dict[str, Any]:
    """Return a problem with further `members`, such as `request_id`.

    `kind` is the last part of its type (`service-failed`); empty: the status says enough.
    """
    return {
        "type": f"urn:sangga:problem:{kind}" if kind else "about:blank",
        "title": title or kind.replace("-", " ").capitalize() or _TITLES.get(status) or HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        **members,
    }


def problem_body(status: int, detail: str, **members: Any) -> bytes:
    return json.dumps(problem_details(status, detail, **members), ensure_ascii=False).encode(errors="replace")
