"""Helpers for operations: types that depend on the version, access, and rows by id."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from django.db import models
from django.http import Http404, HttpRequest

from tenants.contrib.api.auth import Access
from tenants.variants import whole_row_of

F = TypeVar("F", bound=Callable[..., Any])
Row = TypeVar("Row", bound=models.Model)


def with_types(**annotations: Any) -> Callable[[F], F]:
    """Give parameters of an operation the types of a version, before ninja reads them."""

    def annotate(operation: F) -> F:
        operation.__annotations__.update(annotations)
        return operation

    return annotate


def access_of(request: HttpRequest) -> Access:
    return cast(Access, request.auth)  # type: ignore[attr-defined]


def get_or_404(rows: models.QuerySet[Row], what: str, key: object, *, lock: bool = False, **lookup: Any) -> Row:
    """Return the one row, locked if asked; raise `Http404` if there is none."""
    found = rows.select_for_update(of=whole_row_of(rows.model)) if lock else rows
    row = found.filter(**lookup).first()
    if row is None:
        raise Http404(f"No {what} has the id {key!r}.")
    return row
