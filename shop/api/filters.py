"""Filters of lists: the parameters of a list, and the search for words."""

from __future__ import annotations

from typing import Any, TypeVar

from django.db.models import Model, Q, QuerySet
from ninja import Query, Schema

from tenants.contrib.api.pagination import Pagination

Row = TypeVar("Row", bound=Model)

_MAX_WORDS = 10
"""More words are ignored, so that a long text cannot keep the database busy."""


def query_of(pagination: Pagination, filters: type[Schema] | None = None) -> Any:
    """Return the type of a list's query parameters: its filters, and which page."""
    params = pagination.params
    if filters is not None:
        params = type(filters.__name__, (params, filters), {"__doc__": filters.__doc__, "__module__": __name__})
    return Query[params]  # type: ignore[valid-type, misc]


def search_words(rows: QuerySet[Row], text: str, *fields: str) -> QuerySet[Row]:
    """Keep the rows that have every word of `text` in one of the fields."""
    for word in text.replace("\0", " ").split()[:_MAX_WORDS]:  # PostgreSQL's text holds no NUL
        rows = rows.filter(Q(*[(f"{field}__icontains", word) for field in fields], _connector=Q.OR))
    return rows
