"""What the problems of RFC 9457 are called, whether an API or the gateway tells of them."""

from __future__ import annotations

from http import HTTPStatus

_AS_RFC_9110_HAS_THEM = {
    413: "Content Too Large",
    414: "URI Too Long",
    416: "Range Not Satisfiable",
    422: "Unprocessable Content",
}
"""Statuses that older versions of Python know by older names."""


def title_of(status: int, kind: str) -> str:
    """Return the title of a problem of that kind (`service-failed`); without one, the name of its status."""
    if kind:
        return kind.replace("-", " ").capitalize()
    return _AS_RFC_9110_HAS_THEM.get(status) or HTTPStatus(status).phrase
