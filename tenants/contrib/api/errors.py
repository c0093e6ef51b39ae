"""Errors of an API: a plain object as in version 1, or problem details (RFC 9457)."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from django.http import HttpRequest, HttpResponse
from ninja.errors import HttpError
from ninja.renderers import JSONRenderer

from tenants.http.problem_details import PROBLEM_MEDIA_TYPE, problem_details


@dataclass(frozen=True, slots=True)
class ErrorDetail:
    """One error in a request and its location: `("body", "skus", 0, "price")` or `("query", "limit")`."""

    loc: tuple[str | int, ...]
    msg: str
    type: str
    """Error code for programs."""
    line: int = 0
    """Line number from 1, in a body with a record on each line; 0 elsewhere."""


class APIError(HttpError):
    """An error response. `kind` is an error code for programs ("out-of-stock"); empty if the status is enough."""

    def __init__(self, status: int, detail: str, *, kind: str = "", errors: Sequence[ErrorDetail] = ()) -> None:
        super().__init__(status, detail)
        self.kind = kind
        self.errors = tuple(errors)


class ErrorStyle(Hashable, Protocol):
    """A format of error responses."""

    media_type: str

    def body(
        self, request: HttpRequest, status: int, detail: str, kind: str, errors: Sequence[ErrorDetail]
    ) -> dict[str, Any]:
        """Return the JSON of an error."""

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of `body`."""


class PlainErrors:
    """`{"status": 404, "detail": "a sentence"}`, with `code` for a kind and `errors` for a list of details."""

    media_type = "application/json"

    def body(
        self, request: HttpRequest, status: int, detail: str, kind: str, errors: Sequence[ErrorDetail]
    ) -> dict[str, Any]:
        body: dict[str, Any] = {"status": status, "detail": detail}
        if kind:
            body["code"] = kind
        if errors:
            body["errors"] = [
                {"loc": list(one.loc), "msg": one.msg, "type": one.type, **_line_members(one)} for one in errors
            ]
        return body

    def schema(self) -> dict[str, Any]:
        error = _object(
            {"loc": _LOCATION, "msg": _TEXT, "type": _TEXT, "line": _INTEGER, "column": _TEXT},
            required=["loc", "msg", "type"],
        )
        return _object(
            {"status": _INTEGER, "detail": _TEXT, "code": _TEXT, "errors": {"type": "array", "items": error}},
            required=["status", "detail"],
        )


class ProblemDetails:
    """Problem details of RFC 9457, with `errors` for a list of details."""

    media_type = PROBLEM_MEDIA_TYPE

    def body(
        self, request: HttpRequest, status: int, detail: str, kind: str, errors: Sequence[ErrorDetail]
    ) -> dict[str, Any]:
        body = problem_details(status, detail, kind=kind, instance=request.path)
        if errors:
            body["errors"] = [_problem_member(one) for one in errors]
        return body

    def schema(self) -> dict[str, Any]:
        error = _object(
            {
                "detail": _TEXT,
                "type": _TEXT,
                "pointer": _TEXT,
                "parameter": _TEXT,
                "header": _TEXT,
                "line": _INTEGER,
                "column": _TEXT,
            },
            required=["detail", "type"],
        )
        parts = dict.fromkeys(("type", "title", "detail", "instance"), _TEXT)
        errors = {"type": "array", "items": error}
        return _object({**parts, "status": _INTEGER, "errors": errors}, required=["type", "title", "status", "detail"])


_TEXT = {"type": "string"}
_INTEGER = {"type": "integer"}
_LOCATION = {"type": "array", "items": {"type": ["string", "integer"]}}


def _object(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": required}


def _problem_member(error: ErrorDetail) -> dict[str, Any]:
    """Return an error with its location: a JSON Pointer into the body, or the name of a parameter or header."""
    source, *rest = error.loc
    member: dict[str, Any] = {"detail": error.msg, "type": error.type}
    if source == "body":
        member["pointer"] = "#" + "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in rest)
    else:
        member["header" if source == "header" else "parameter"] = str(rest[-1] if rest else source)
    return {**member, **_line_members(error)}


def _line_members(error: ErrorDetail) -> dict[str, Any]:
    if not error.line:
        return {}
    return {"line": error.line, "column": "/".join(str(part) for part in error.loc[1:])}


def error_response(
    style: ErrorStyle,
    request: HttpRequest,
    status: int,
    detail: str,
    *,
    kind: str = "",
    errors: Sequence[ErrorDetail] = (),
) -> HttpResponse:
    body = style.body(request, status, detail, kind, errors)
    content = JSONRenderer().render(request, body, response_status=status)
    return HttpResponse(content, status=status, content_type=f"{style.media_type}; charset=utf-8")
