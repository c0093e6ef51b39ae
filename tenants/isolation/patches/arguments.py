"""Checks of what code passes to Django's ORM: an instance, queryset or list of another tenant raises `WrongTenant`."""

from __future__ import annotations

from collections.abc import Iterable
from functools import wraps
from typing import Any

from django.db.models import Model, QuerySet

from tenants.context import innermost
from tenants.isolation.instances import check_same_tenant
from tenants.isolation.patches.querysets import check_queryset


def check_value(value: Any) -> None:
    """Check an instance, a queryset or a collection of instances; other values belong to no tenant."""
    if isinstance(value, QuerySet):
        check_queryset(value)
    elif isinstance(value, Model):
        check_same_tenant(value)
    elif isinstance(value, list | tuple | set | frozenset):
        check_rows(value)


def check_rows(rows: Iterable[Any]) -> None:
    # Cheap for many rows: usually all of them have one and the same alias.
    right: Any = None
    for row in rows:
        state = getattr(row, "_state", None)
        alias = None if state is None else state.db
        if alias is not right:
            check_same_tenant(row)
            right = alias


def check_arguments(original: Any) -> Any:
    @wraps(original)
    def checked(self: Any, *args: Any, **kwargs: Any) -> Any:
        for value in (*args, *kwargs.values()):
            check_value(value)
        return original(self, *args, **kwargs)

    return checked


def check_self(original: Any) -> Any:
    @wraps(original)
    def checked(self: Any, *args: Any, **kwargs: Any) -> Any:
        check_queryset(self)
        return original(self, *args, **kwargs)

    return checked


def check_self_and_arguments(original: Any) -> Any:
    checked = check_arguments(original)

    @wraps(original)
    def all_checked(self: Any, *args: Any, **kwargs: Any) -> Any:
        check_queryset(self)
        return checked(self, *args, **kwargs)

    return all_checked


def check_first_list(original: Any) -> Any:
    """Check every instance of the list that a method of querysets gets first."""

    @wraps(original)
    def checked(self: Any, objs: Any, *args: Any, **kwargs: Any) -> Any:
        objs = list(objs)
        check_rows(objs)
        return original(self, objs, *args, **kwargs)

    return checked


def check_filter_value(original: Any) -> Any:
    @wraps(original)
    def checked(self: Any, value: Any, opts: Any, field: Any) -> Any:
        # Compared here first: related managers make a filter for each row that is prefetched for.
        state = getattr(value, "_state", None)
        if state is not None and ((block := innermost.get()) is None or state.db is not block.alias):
            check_same_tenant(value)
        return original(self, value, opts, field)

    return checked
