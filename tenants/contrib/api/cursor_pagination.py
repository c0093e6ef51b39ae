"""Cursor pagination: a page goes on after the last row of the page before, found by an index."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from django.db.models import F, Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.dateparse import parse_datetime
from django.utils.http import urlencode

from tenants.absolute_urls import absolute
from tenants.contrib.api.errors import APIError, ErrorDetail

Row = TypeVar("Row", bound=Model)

CURSOR_MAX_LENGTH = 1000


@dataclass(frozen=True, slots=True)
class Ordering:
    """An order by a field or annotation that is never NULL, then by primary key."""

    name: str
    """The value of the parameter `ordering`: `-created_at`."""
    field: str
    descending: bool
    parse: Callable[[str], Any]
    """Converts the text in a cursor to a value; returns None or raises ValueError for an invalid one."""

    def apply(self, rows: QuerySet[Row]) -> QuerySet[Row]:
        if self.descending:
            return rows.order_by(F(self.field).desc(), F("pk").desc())
        return rows.order_by(F(self.field).asc(), F("pk").asc())

    def filter_after(self, rows: QuerySet[Row], value: Any, pk: int) -> QuerySet[Row]:
        step = "lt" if self.descending else "gt"
        # The first condition follows from the second; PostgreSQL uses it to start in an index.
        return rows.filter(
            Q(**{f"{self.field}__{step}e": value}),
            Q(**{f"{self.field}__{step}": value}) | Q(**{self.field: value, f"pk__{step}": pk}),
        )


def by_time(name: str) -> Ordering:
    """Return an ordering by a datetime; `-created_at` has the newest first."""
    return Ordering(name, name.lstrip("-"), name.startswith("-"), _aware_datetime)


def by_text(name: str) -> Ordering:
    return Ordering(name, name.lstrip("-"), name.startswith("-"), str)


def _aware_datetime(text: str) -> datetime | None:
    moment = parse_datetime(text)
    return moment if moment and moment.tzinfo else None


def paginate(rows: QuerySet[Row], ordering: Ordering, cursor: str, limit: int) -> tuple[list[Row], str]:
    """Return the rows at `cursor`, by default the first ones, and the cursor of the next page or ''.

    Raises `APIError` for an invalid cursor.
    """
    ordered = ordering.apply(rows)
    if cursor:
        ordered = ordering.filter_after(ordered, *_decode(cursor, ordering))
    items = list(ordered[: limit + 1])
    has_next = len(items) > limit
    del items[limit:]
    return items, _encode(items[-1], ordering) if has_next else ""


def add_next_link(request: HttpRequest, response: HttpResponse, cursor: str) -> None:
    """Add the header `Link` of the next page (RFC 8288), if there is one."""
    if cursor:
        query = {**request.GET.dict(), "cursor": cursor}
        response["Link"] = f'<{absolute(request.path)}?{urlencode(query)}>; rel="next"'


def _encode(row: Model, ordering: Ordering) -> str:
    value = getattr(row, ordering.field)
    text = value.isoformat() if hasattr(value, "isoformat") else str(value)
    packed = json.dumps([ordering.name, text, row.pk], ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(packed.encode()).decode().rstrip("=")


def _decode(cursor: str, ordering: Ordering) -> tuple[Any, int]:
    try:
        name, text, pk = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        value = ordering.parse(_storable(text))
        if name != ordering.name or value is None or type(pk) is not int:
            raise ValueError(name)
    except (ValueError, TypeError, ArithmeticError, binascii.Error) as error:
        reason = f"Invalid cursor for the ordering {ordering.name}. Start again without a cursor."
        raise APIError(422, f"cursor: {reason}", errors=[ErrorDetail(("query", "cursor"), reason, "cursor")]) from error
    return value, pk


def _storable(text: Any) -> str:
    """Return `text` if PostgreSQL can store it; raise `ValueError` for NUL, lone surrogates and other types."""
    if not isinstance(text, str) or "\0" in text:
        raise ValueError(text)
    text.encode()
    return text
