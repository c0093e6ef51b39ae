"""Fits Django's instances, querysets and relations with the question whose they are (`tenants.isolation.instances`).

Django asks the router wherever it is to find out the database, and the router refuses the instance of another tenant.
What is here are the places at which Django asks no router: where a caller has named the alias, where rows are in
memory already, and where nothing but the key of a given instance is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from copy import copy
from functools import cache, wraps
from typing import Any

from django.db.models import Model, QuerySet, query
from django.db.models.deletion import Collector
from django.db.models.fields import related_descriptors
from django.db.models.query import RawQuerySet
from django.db.models.sql import Query

from tenants.context import innermost
from tenants.isolation.instances import check_belongs, schema_of, with_its_schema
from tenants.isolation.patches.querysets import (
    RowsInMemory,
    adding_hints,
    asked_again,
    check_queryset,
    checking_itself,
    fetching_rows,
    mark_prefetched,
    noting_its_tenant,
    noting_its_tenant_raw,
)


@cache  # `AppConfig.ready` is called again when a test overrides INSTALLED_APPS
def guard_records() -> None:
    """Fit them, once for the process."""
    _replace(QuerySet, "__init__", noting_its_tenant)
    _replace(QuerySet, "_add_hints", adding_hints)
    _replace(QuerySet, "_fetch_all", fetching_rows)
    for name in ("__getitem__", "count", "exists"):
        _replace(QuerySet, name, checking_itself)
    _replace(RawQuerySet, "__init__", noting_its_tenant_raw)
    raw_queryset: Any = RawQuerySet
    raw_queryset._result_cache = RowsInMemory()
    kinds: tuple[Any, ...] = (QuerySet, RawQuerySet)
    for kind in kinds:
        kind.db = property(asked_again(kind.db.fget))
    for name in ("bulk_create", "bulk_update"):
        _replace(QuerySet, name, _checking_the_list)
    _replace(QuerySet, "_merge_sanity_check", _checking_arguments)
    for name in ("contains", "resolve_expression", "_combinator_query"):
        _replace(QuerySet, name, _checking_itself_and_arguments)
    _replace(Model, "save_base", _checking_the_instance)
    _replace(Model, "__eq__", _equal_in_one_tenant)
    _replace(Query, "check_query_object_type", _checking_the_value)
    _replace(Collector, "collect", _checking_arguments)
    _replace(query, "prefetch_one_level", _prefetching)
    for name in ("create_reverse_many_to_one_manager", "create_forward_many_to_many_manager"):
        _replace(related_descriptors, name, _making_guarded_managers)


@cache
def guard_generic_relations() -> None:
    """Fit the relations of `django.contrib.contenttypes`, once for the process."""
    from django.contrib.contenttypes import fields

    _replace(fields.GenericForeignKey, "get_content_type", _checking_arguments)
    _replace(fields, "create_generic_related_manager", _making_guarded_managers)


def _replace(owner: Any, name: str, made_of: Callable[[Any], Any]) -> None:
    setattr(owner, name, made_of(getattr(owner, name)))


# --- What is given to Django


def _check_given(given: Any) -> None:
    """Check an instance, a queryset or a list of instances; everything else is nobody's."""
    if isinstance(given, QuerySet):
        check_queryset(given)
    elif isinstance(given, Model):
        check_belongs(given)
    elif isinstance(given, list | tuple | set | frozenset):
        _check_rows(given)


def _checking_arguments(plain: Any) -> Any:
    @wraps(plain)
    def checked(self: Any, *args: Any, **kwargs: Any) -> Any:
        for given in (*args, *kwargs.values()):
            _check_given(given)
        return plain(self, *args, **kwargs)

    return checked


def _checking_the_value(plain: Any) -> Any:
    """Check one value of a filter; related managers make a filter for each row that is prefetched for."""

    @wraps(plain)
    def checked(self: Any, value: Any, opts: Any, field: Any) -> Any:
        state = getattr(value, "_state", None)
        if state is not None and ((block := innermost.get()) is None or state.db is not block.alias):
            check_belongs(value)
        return plain(self, value, opts, field)

    return checked


def _checking_itself_and_arguments(plain: Any) -> Any:
    checked = _checking_arguments(plain)

    @wraps(plain)
    def all_checked(self: Any, *args: Any, **kwargs: Any) -> Any:
        check_queryset(self)
        return checked(self, *args, **kwargs)

    return all_checked


def _checking_the_list(plain: Any) -> Any:
    """Check every instance of the list that a method of querysets gets first."""

    @wraps(plain)
    def checked(self: Any, objs: Any, *args: Any, **kwargs: Any) -> Any:
        objs = list(objs)
        _check_rows(objs)
        return plain(self, objs, *args, **kwargs)

    return checked


def _prefetching(plain: Any) -> Any:
    @wraps(plain)
    def prefetch_one_level(instances: Any, prefetcher: Any, lookup: Any, level: int) -> Any:
        instances = list(instances)
        _check_rows(instances)
        if lookup.queryset is not None:
            # Django puts hints into the queryset of a `Prefetch`, which a view or a module may share with all threads.
            shared, lookup = lookup, copy(lookup)
            lookup.queryset = shared.queryset._chain()
        found = plain(instances, prefetcher, lookup, level)
        mark_prefetched(instances)
        return found

    return prefetch_one_level


def _check_rows(rows: Iterable[Any]) -> None:
    """Check very many at little cost: usually all of them have one and the same alias."""
    right: Any = None
    for row in rows:
        state = getattr(row, "_state", None)
        alias = None if state is None else state.db
        if alias is not right:
            check_belongs(row)
            right = alias


# --- Instances


def _checking_the_instance(plain: Any) -> Any:
    """Check an instance also where the caller names the alias, and no router is asked."""

    @wraps(plain)
    def save_base(
        self: Model, raw: bool = False, force_insert: Any = False, force_update: bool = False, using: Any = None,
        update_fields: Any = None,
    ) -> Any:  # fmt: skip
        check_belongs(self)
        return plain(self, raw, force_insert, force_update, with_its_schema(using), update_fields)

    return save_base


def _equal_in_one_tenant(plain: Any) -> Any:
    @wraps(plain)
    def equal_here(self: Model, other: object) -> Any:
        equal = plain(self, other)
        if equal is True and self is not other and isinstance(other, Model):
            return schema_of(self) == schema_of(other)
        return equal

    return equal_here


# --- Relations


def _making_guarded_managers(plain: Any) -> Any:
    """Let related managers look at the instances that they are given: `remove()` takes nothing but their keys."""

    @wraps(plain)
    def make(*args: Any, **kwargs: Any) -> Any:
        manager = plain(*args, **kwargs)
        for name in ("add", "remove", "set"):
            if name in vars(manager):
                _replace(manager, name, _checking_arguments)
        return manager

    return make
