"""Pagination of lists, by offset (version 1 of the API) or by cursor."""

from __future__ import annotations

from typing import Any, Protocol, TypeVar

from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from ninja import Field, Schema
from pydantic import create_model

from tenants.contrib.api.cursor_pagination import CURSOR_MAX_LENGTH, Ordering, add_next_link, paginate

MAX_LIMIT = 100

Row = TypeVar("Row", bound=Model)


class OffsetParams(Schema):
    """Which part of a list."""

    limit: int = Field(20, ge=1, le=MAX_LIMIT, description="How many to give.")
    offset: int = Field(0, ge=0, le=2**31 - 1, description="How many to leave out before them.")


class CursorParams(Schema):
    """Which part of a list."""

    limit: int = Field(20, ge=1, le=MAX_LIMIT, description="How many to give.")
    cursor: str = Field(
        "",
        max_length=CURSOR_MAX_LENGTH,
        pattern=r"^[-\w]*$",
        description="`next` of the page before, in the same order.",
    )


class Pagination(Protocol):
    """A way to paginate lists."""

    @property
    def params(self) -> type[Schema]:
        """Query parameters of a list, beside its filters."""

    def schema_of(self, item: type[Schema]) -> type[Schema]:
        """Return the schema of a page of such items."""

    def paginate(
        self, rows: QuerySet[Row], ordering: Ordering, params: Any, request: HttpRequest, response: HttpResponse
    ) -> dict[str, Any]:
        """Return the page that is asked for."""


class OffsetPagination:
    """`{"items": […], "count": N}`: N is how many there are on all pages, which costs a query."""

    params = OffsetParams

    def schema_of(self, item: type[Schema]) -> type[Schema]:
        """Return the schema of a page of such items."""
        count = (int, Field(description="How many there are on all pages."))
        return create_model(f"{_name_of(item)}Page", __base__=Schema, items=(list[item], ...), count=count)  # type: ignore[valid-type]

    def paginate(
        self, rows: QuerySet[Row], ordering: Ordering, params: Any, request: HttpRequest, response: HttpResponse
    ) -> dict[str, Any]:
        """Return the page that is asked for."""
        page = ordering.apply(rows)[params.offset : params.offset + params.limit]
        return {"items": list(page), "count": rows.count()}


class CursorPagination:
    """`{"items": […], "next": "…"}`: `next` is the cursor of the next page, null on the last; it is in `Link` too."""

    params = CursorParams

    def schema_of(self, item: type[Schema]) -> type[Schema]:
        """Return the schema of a page of such items."""
        cursor: Any = (str | None, Field(description="The `cursor` of the next page; null: this is the last."))
        return create_model(f"{_name_of(item)}Page", __base__=Schema, items=(list[item], ...), next=cursor)  # type: ignore[valid-type]

    def paginate(
        self, rows: QuerySet[Row], ordering: Ordering, params: Any, request: HttpRequest, response: HttpResponse
    ) -> dict[str, Any]:
        """Return the page that is asked for."""
        page = paginate(rows, ordering, params.cursor, params.limit)
        add_next_link(request, response, page.next)
        return {"items": page.items, "next": page.next or None}


def _name_of(item: type[Schema]) -> str:
    return item.__name__.removesuffix("Out")
