"""How an API tells what went wrong: a plain object as in version 1, or problem details (RFC 9457)."""

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
    """One thing that is wrong with a request, and where: `("body", "skus", 0, "price")`, or `("query", "limit")`."""

    loc: tuple[str | int, ...]
    msg: str
    type: str
    """One word for programs."""
    line: int = 0
    """Of a body with one record a line, from 1; 0 elsewhere."""


class APIError(HttpError):
    """An error of the API. `kind` is one word for programs ("out-of-stock"); empty where the status says it all."""

    def __init__(self, status: int, detail: str, *, kind: str = "", errors: Sequence[ErrorDetail] = ()) -> None:
        super().__init__(status, detail)
        self.kind = kind
        self.errors = tuple(errors)


Body = dict[str, Any]


class ErrorStyle(Hashable, Protocol):
    """A way to write errors."""

    media_type: str

    def body(
        self, request: HttpRequest, status: int, detail: str, kind: str, errors: Sequence[ErrorDetail]
    ) -> dict[str, Any]:
        """Return what is written."""

    def schema(self) -> dict[str, Any]:
        """Return what it looks like, in the words of JSON Schema."""


class PlainErrors:
    """`{"status": 404, "detail": "a sentence"}`; `code` is the kind, and `errors` lists errors, where there are any."""

    media_type = "application/json"

    def body(
        self, request: HttpRequest, status: int, detail: str, kind: str, errors: Sequence[ErrorDetail]
    ) -> dict[str, Any]:
        body: dict[str, Any] = {"status": status, "detail": detail}
        if kind:
            body["code"] = kind
        if errors:
            body["errors"] = [
                {"loc": list(one.loc), "msg": one.msg, "type": one.type, **_in_file(one)} for one in errors
            ]
        return body

    def schema(self) -> dict[str, Any]:
        error = _object(
            {"loc": _LIST_OF_PLACES, "msg": _TEXT, "type": _TEXT, "line": _COUNT, "column": _TEXT},
            required=["loc", "msg", "type"],
        )
        return _object(
            {"status": _COUNT, "detail": _TEXT, "code": _TEXT, "errors": {"type": "array", "items": error}},
            required=["status", "detail"],
        )


class ProblemDetails:
    """RFC 9457: `type`, `title`, `status`, `detail`, `instance`; `errors` lists errors, each with where it is."""

    media_type = PROBLEM_MEDIA_TYPE

    def body(
        self, request: HttpRequest, status: int, detail: str, kind: str, errors: Sequence[ErrorDetail]
    ) -> dict[str, Any]:
        body = problem_details(status, detail, kind=kind, instance=request.path)
        if errors:
            body["errors"] = [_located(one) for one in errors]
        return body

    def schema(self) -> dict[str, Any]:
        error = _object(
            {
                "detail": _TEXT,
                "type": _TEXT,
                "pointer": _TEXT,
                "parameter": _TEXT,
                "header": _TEXT,
                "line": _COUNT,
                "column": _TEXT,
            },
            required=["detail", "type"],
        )
        parts = dict.fromkeys(("type", "title", "detail", "instance"), _TEXT)
        errors = {"type": "array", "items": error}
        return _object({**parts, "status": _COUNT, "errors": errors}, required=["type", "title", "status", "detail"])


_TEXT = {"type": "string"}
_COUNT = {"type": "integer"}
_LIST_OF_PLACES = {"type": "array", "items": {"type": ["string", "integer"]}}


def _object(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": required}


def _located(error: ErrorDetail) -> dict[str, Any]:
    """Return an error with where it is: a JSON Pointer into the body, or the name of a parameter or header."""
    source, *rest = error.loc
    told: dict[str, Any] = {"detail": error.msg, "type": error.type}
    if source == "body":
        told["pointer"] = "#" + "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in rest)
    else:
        told["header" if source == "header" else "parameter"] = str(rest[-1] if rest else source)
    return {**told, **_in_file(error)}


def _in_file(error: ErrorDetail) -> dict[str, Any]:
    """Return line and column of an error in a body that has lines."""
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
    """Return an error as a response, written in `style`."""
    body = style.body(request, status, detail, kind, errors)
    content = JSONRenderer().render(request, body, response_status=status)
    return HttpResponse(content, status=status, content_type=f"{style.media_type}; charset=utf-8")
