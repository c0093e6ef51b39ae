"""What the lists of the API have in common."""

from __future__ import annotations

from typing import TypeVar

from django.db.models import Model, Q, QuerySet
from ninja import Schema

from tenants.contrib.api.pagination import Pagination

Row = TypeVar("Row", bound=Model)

_MAX_WORDS = 10
"""Of a search that count, so that nobody makes the database work long with one long text."""


def filter_for(pagination: Pagination, filters: type[Schema]) -> type[Schema]:
    """Return the schema of what a list can be asked for: its filters, and which page."""
    return type(filters.__name__, (pagination.params, filters), {"__doc__": filters.__doc__, "__module__": __name__})


def search_words(rows: QuerySet[Row], text: str, *fields: str) -> QuerySet[Row]:
    """Keep the rows that have every word of `text` in one of the fields."""
    for word in text.replace("\0", " ").split()[:_MAX_WORDS]:  # PostgreSQL's text holds no NUL
        rows = rows.filter(Q(*[(f"{field}__icontains", word) for field in fields], _connector=Q.OR))
    return rows
