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
    """Page of a list by offset."""

    limit: int = Field(20, ge=1, le=MAX_LIMIT, description="Items per page.")
    offset: int = Field(0, ge=0, le=2**31 - 1, description="Items to skip.")


class CursorParams(Schema):
    """Page of a list by cursor."""

    limit: int = Field(20, ge=1, le=MAX_LIMIT, description="Items per page.")
    cursor: str = Field(
        "",
        max_length=CURSOR_MAX_LENGTH,
        pattern=r"^[-\w]*$",
        description="`next` of the previous page, with the same ordering.",
    )


class Pagination(Protocol):
    """A style of pagination."""

    @property
    def params(self) -> type[Schema]:
        """Query parameters, in addition to filters."""

    def schema_of(self, item: type[Schema]) -> type[Schema]:
        """Return the schema of a page."""

    def paginate(
        self, rows: QuerySet[Row], ordering: Ordering, params: Any, request: HttpRequest, response: HttpResponse
    ) -> dict[str, Any]:
        """Return a page; headers go into `response`."""


class OffsetPagination:
    """`{"items": […], "count": N}`: N items on all pages, which costs a query."""

    params = OffsetParams

    def schema_of(self, item: type[Schema]) -> type[Schema]:
        count = (int, Field(description="Items on all pages."))
        return create_model(f"{_name_of(item)}Page", __base__=Schema, items=(list[item], ...), count=count)  # type: ignore[valid-type]

    def paginate(
        self, rows: QuerySet[Row], ordering: Ordering, params: Any, request: HttpRequest, response: HttpResponse
    ) -> dict[str, Any]:
        page = ordering.apply(rows)[params.offset : params.offset + params.limit]
        return {"items": list(page), "count": rows.count()}


class CursorPagination:
    """`{"items": […], "next": "…"}`: `next` is the cursor of the next page, null on the last one."""

    params = CursorParams

    def schema_of(self, item: type[Schema]) -> type[Schema]:
        cursor: Any = (str | None, Field(description="`cursor` of the next page; null on the last page."))
        return create_model(f"{_name_of(item)}Page", __base__=Schema, items=(list[item], ...), next=cursor)  # type: ignore[valid-type]

    def paginate(
        self, rows: QuerySet[Row], ordering: Ordering, params: Any, request: HttpRequest, response: HttpResponse
    ) -> dict[str, Any]:
        items, cursor = paginate(rows, ordering, params.cursor, params.limit)
        add_next_link(request, response, cursor)
        return {"items": items, "next": cursor or None}


def _name_of(item: type[Schema]) -> str:
    return item.__name__.removesuffix("Out")
