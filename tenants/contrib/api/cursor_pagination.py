"""Cursor pagination: a page goes on after the last row of the page before, found by an index."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

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
    """An order of rows: by a field or annotation that is never NULL, and by id where that is the same."""

    name: str
    """As the parameter has it: `-created_at`."""
    field: str
    descending: bool
    read: Callable[[str], Any]
    """Turns the text in a cursor back into a value; None or a ValueError for what is none."""

    def apply(self, rows: QuerySet[Row]) -> QuerySet[Row]:
        """Return the rows in this order."""
        if self.descending:
            return rows.order_by(F(self.field).desc(), F("pk").desc())
        return rows.order_by(F(self.field).asc(), F("pk").asc())

    def filter_after(self, rows: QuerySet[Row], value: Any, pk: int) -> QuerySet[Row]:
        """Return the rows that come after the one with that value and id."""
        step = "lt" if self.descending else "gt"
        # The first condition says nothing that the second does not; an index can be entered by it.
        return rows.filter(
            Q(**{f"{self.field}__{step}e": value}),
            Q(**{f"{self.field}__{step}": value}) | Q(**{self.field: value, f"pk__{step}": pk}),
        )


def by_time(name: str) -> Ordering:
    """Order by a point in time: `created_at`, or the newest first as `-created_at`."""
    return Ordering(name, name.lstrip("-"), name.startswith("-"), _aware)


def by_text(name: str) -> Ordering:
    """Order by a text."""
    return Ordering(name, name.lstrip("-"), name.startswith("-"), str)


def _aware(text: str) -> datetime | None:
    moment = parse_datetime(text)
    return moment if moment and moment.tzinfo else None


@dataclass(frozen=True, slots=True)
class CursorPage(Generic[Row]):
    """Some rows, and the cursor of those after them; empty: there are none."""

    items: list[Row]
    next: str


def paginate(rows: QuerySet[Row], ordering: Ordering, cursor: str, limit: int) -> CursorPage[Row]:
    """Return the page after `cursor` (empty: the first one). Raises `APIError` for a cursor that makes no sense."""
    found = ordering.apply(rows)
    if cursor:
        found = ordering.filter_after(found, *_read(cursor, ordering))
    items = list(found[: limit + 1])
    more = len(items) > limit
    del items[limit:]
    return CursorPage(items, _write(items[-1], ordering) if more else "")


def add_next_link(request: HttpRequest, response: HttpResponse, cursor: str) -> None:
    """Put the address of the next page into the headers (RFC 8288), if there is one."""
    if cursor:
        query = {**request.GET.dict(), "cursor": cursor}
        response["Link"] = f'<{absolute(request.path)}?{urlencode(query)}>; rel="next"'


def _write(row: Model, ordering: Ordering) -> str:
    value = getattr(row, ordering.field)
    text = value.isoformat() if hasattr(value, "isoformat") else str(value)
    packed = json.dumps([ordering.name, text, row.pk], ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(packed.encode()).decode().rstrip("=")


def _read(cursor: str, ordering: Ordering) -> tuple[Any, int]:
    try:
        name, text, pk = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        value = ordering.read(_storable(text))
        if name != ordering.name or value is None or type(pk) is not int:
            raise ValueError(name)
    except (ValueError, TypeError, ArithmeticError, binascii.Error) as error:
        reason = f"This is no cursor of a list ordered by {ordering.name}. Begin again without one."
        raise APIError(422, f"cursor: {reason}", errors=[ErrorDetail(("query", "cursor"), reason, "cursor")]) from error
    return value, pk


def _storable(text: Any) -> str:
    """Return a text that PostgreSQL could hold; raise `ValueError` for a NUL, half a surrogate pair, or no text."""
    if not isinstance(text, str) or "\0" in text:
        raise ValueError(text)
    text.encode()
    return text
