"""Problem details (RFC 9457): the JSON body of error responses."""

from __future__ import annotations

import json
from http import HTTPStatus

PROBLEM_CONTENT_TYPE = "application/problem+json; charset=utf-8"

_AS_RFC_9110_HAS_THEM = {
    413: "Content Too Large",
    414: "URI Too Long",
    416: "Range Not Satisfiable",
    422: "Unprocessable Content",
}
"""Phrases of RFC 9110 where older versions of Python have former ones."""


def title_of(status: int, kind: str) -> str:
    """Return the title of a problem of that kind (`service-failed`); without one, the phrase of its status."""
    if kind:
        return kind.replace("-", " ").capitalize()
    return _AS_RFC_9110_HAS_THEM.get(status) or HTTPStatus(status).phrase


def problem_body(status: int, detail: str, *, kind: str = "", title: str = "", **members: str) -> bytes:
    """Return the body of a problem; `members` are further ones, such as `request_id`."""
    problem = {
        "type": f"urn:sangga:problem:{kind}" if kind else "about:blank",
        "title": title or title_of(status, kind),
        "status": status,
        "detail": detail,
        **members,
    }
    return json.dumps(problem, ensure_ascii=False).encode(errors="replace")
