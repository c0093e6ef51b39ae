"""Fits Django's instances, querysets and relations with the question whose they are (`tenants.belonging`).

Django asks the router wherever it is to find out the database, and the router refuses the instance of another tenant.
What is here are the places at which Django asks nobody: where a caller has named the alias, where rows are in memory
already, and where nothing but the key of a given instance is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any, NamedTuple

from django.db import DEFAULT_DB_ALIAS
from django.db.models import Model, QuerySet, query
from django.db.models.deletion import Collector
from django.db.models.fields import related_descriptors
from django.db.models.query import RawQuerySet
from django.db.models.sql import Query

from tenants.belonging import TenantAlias, alias_for, check_belongs, schema_of
from tenants.context import active_tenant, innermost
from tenants.errors import WrongTenant

_HINT = "tenant_schema"


def guard_records() -> None:
    """Fit them; called once, when Django has loaded."""
    _replace(QuerySet, "__init__", _noting_its_tenant)
    queryset: Any = QuerySet
    queryset._fetch_all = _fetch_all
    for name in ("__getitem__", "count", "exists"):
        _replace(QuerySet, name, _checking_itself)
    _replace(RawQuerySet, "__init__", _noting_its_tenant_raw)
    raw_queryset: Any = RawQuerySet
    raw_queryset._result_cache = _RowsInMemory()
    kinds: tuple[Any, ...] = (QuerySet, RawQuerySet)
    for kind in kinds:
        kind.db = property(_asked_again(kind.db.fget))
    for name in ("bulk_create", "bulk_update"):
        _replace(QuerySet, name, _checking_the_list)
    _replace(QuerySet, "_merge_sanity_check", _checking_arguments)
    for name in ("contains", "resolve_expression", "_combinator_query"):
        _replace(QuerySet, name, _checking_itself_and_arguments)
    _replace(Model, "save_base", _checking_the_instance)
    _replace(Model, "__eq__", _equal_in_one_tenant)
    _replace(Query, "check_query_object_type", _checking_the_value)
    _replace(Collector, "collect", _checking_arguments)
    _replace(query, "prefetch_one_level", _checking_the_list)
    for name in ("create_reverse_many_to_one_manager", "create_forward_many_to_many_manager"):
        _replace(related_descriptors, name, _making_guarded_managers)


def guard_generic_relations() -> None:
    """Fit the relations of `django.contrib.contenttypes`; called once, if that is installed."""
    from django.contrib.contenttypes import fields

    _replace(fields.GenericForeignKey, "get_content_type", _checking_arguments)
    _replace(fields, "create_generic_related_manager", _making_guarded_managers)


def _replace(owner: Any, name: str, made_of: Callable[[Any], Any]) -> None:
    setattr(owner, name, made_of(getattr(owner, name)))


# --- Querysets


def _noting_its_tenant(plain: Any) -> Any:
    @wraps(plain)
    def initialise(self: Any, model: Any = None, query: Any = None, using: Any = None, hints: Any = None) -> None:
        # With the arguments of Django's own, and not with any: most querysets are clones, made for every filter.
        if hints is None or _HINT not in hints:
            block = innermost.get()
            # A dictionary of its own: a manager gives all of its querysets the same one. One that is begun while no
            # tenant is active, as in the body of a class, is everybody's.
            hints = {**(hints or {}), _HINT: None if block is None else block.tenant.schema}
        plain(self, model, query, using, hints)

    return initialise


def _noting_its_tenant_raw(plain: Any) -> Any:
    @wraps(plain)
    def initialise(self: Any, *args: Any, **kwargs: Any) -> None:
        plain(self, *args, **kwargs)
        hints = self._hints
        if _HINT not in hints:
            tenant = active_tenant()
            # A dictionary of its own: a manager gives all of its querysets the same one. One that is begun while no
            # tenant is active, as in the body of a class, is everybody's.
            self._hints = {**hints, _HINT: None if tenant is None else tenant.schema}

    return initialise


def _asked_again(plain: Any) -> Any:
    def db(self: Any) -> str:
        if self._db is None:
            block = innermost.get()
            if block is not None:
                noted = self._hints.get(_HINT)
                if noted is not None and noted != block.tenant.schema:
                    _check_queryset(self)
                alias: str = plain(self)  # the router's own, which has the schema
                return alias
        _check_queryset(self)
        if self._db is not None:  # whoever names the alias asks no router
            check_belongs(self._hints.get("instance"))
        return _with_its_schema(plain(self))

    return db


def _with_its_schema(alias: str) -> str:
    """Return an alias that somebody has named as the router gives it, so that the rows know whose they are."""
    tenant = active_tenant()
    if tenant is None or alias != DEFAULT_DB_ALIAS or isinstance(alias, TenantAlias):
        return alias
    return alias_for(alias, tenant.schema)


def _check_queryset(queryset: Any) -> None:
    tenant = active_tenant()
    if tenant is None:
        return
    # Not by check_schema(): this is asked for every query, and only an error needs words.
    for schema in (queryset._hints.get(_HINT), getattr(queryset._db, "schema", None)):
        if schema is not None and schema != tenant.schema:
            raise WrongTenant(f"A queryset of {queryset.model._meta.label}", schema, str(tenant))


class TenantRows(list[Any]):
    """Rows that a queryset holds in memory, and whose they are: shown to their tenant alone.

    A queryset that everybody shares, at the top of a module for example, would otherwise show all tenants the rows of
    the first one that evaluated it. It is the list that knows, and not the queryset: it is looked at once for each
    reading, and no thread sees the one without the other.
    """

    __slots__ = ("model", "schema")

    model: type[Model]
    schema: str | None

    def check(self) -> None:
        block = innermost.get()
        if self.schema is not None and block is not None and self.schema != block.tenant.schema:
            raise WrongTenant(f"What a queryset of {self.model._meta.label} found", self.schema, str(block.tenant))

    def __iter__(self) -> Any:
        block = innermost.get()
        if block is None or self.schema != block.tenant.schema:
            self.check()
        return _iterate(self)

    def __len__(self) -> int:
        block = innermost.get()
        if block is None or self.schema != block.tenant.schema:
            self.check()
        return _length(self)


_iterate, _length = list.__iter__, list.__len__


def _shown_to_its_tenant(plain: Any) -> Any:
    @wraps(plain)
    def shown(self: TenantRows, *args: Any) -> Any:
        self.check()
        return plain(self, *args)

    return shown


for _name in ("__getitem__", "__contains__", "__reversed__", "__eq__", "__repr__", "__add__", "__mul__", "copy",
              "index", "count", "pop"):  # fmt: skip
    setattr(TenantRows, _name, _shown_to_its_tenant(getattr(list, _name)))


def _rows(model: Any, schema: str | None, rows: Any) -> TenantRows:
    kept = TenantRows(rows)
    kept.schema = schema
    kept.model = model
    return kept


def _fetch_all(self: Any) -> None:
    """Django's own, with rows that know whose they are."""
    rows = self._result_cache
    if rows is None:
        block = innermost.get()
        rows = _rows(self.model, None if block is None else block.tenant.schema, self._iterable_class(self))
        self._result_cache = rows
    elif type(rows) is list:  # prefetched: put there by Django, for the tenant whose queryset it is
        block = innermost.get()
        if block is not None and self._hints.get(_HINT) != block.tenant.schema:
            _check_queryset(self)
    if self._prefetch_related_lookups and not self._prefetch_done:
        self._prefetch_related_objects()


def _checking_itself(plain: Any) -> Any:
    @wraps(plain)
    def checked(self: Any, *args: Any, **kwargs: Any) -> Any:
        _check_queryset(self)
        return plain(self, *args, **kwargs)

    return checked


class _Fetched(NamedTuple):
    """Rows, and whose they are: one value, so that no thread sees one without the other."""

    schema: str | None
    rows: Any

    def __deepcopy__(self, memo: object) -> None:
        """Leave them behind: the copy of a queryset has fetched nothing."""


class _RowsInMemory:
    """Stands in for the attribute `_result_cache` of querysets: rows that were fetched are shown to their tenant.

    A queryset that everybody shares, at the top of a module for example, would otherwise show all tenants the rows of
    the first one that evaluated it.
    """

    def __get__(self, queryset: Any, owner: type) -> Any:
        if queryset is None:
            return self
        # Not in the queryset's __dict__ by name: Python makes that dictionary only if it is asked for.
        fetched = getattr(queryset, "_fetched", None)
        if fetched is None:
            return None
        tenant = active_tenant()
        if fetched.schema is not None and tenant is not None and fetched.schema != tenant.schema:
            raise WrongTenant(f"What a queryset of {queryset.model._meta.label} found", fetched.schema, str(tenant))
        return fetched.rows

    def __set__(self, queryset: Any, rows: Any) -> None:
        if rows is None:
            queryset._fetched = None
        else:
            tenant = active_tenant()
            queryset._fetched = _Fetched(None if tenant is None else tenant.schema, rows)


# --- What is given to Django


def _check_given(given: Any) -> None:
    """Check an instance, a queryset or a list of instances; everything else is nobody's."""
    if isinstance(given, QuerySet):
        _check_queryset(given)
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
        _check_queryset(self)
        return checked(self, *args, **kwargs)

    return all_checked


def _checking_the_list(plain: Any) -> Any:
    """Check every instance of a list, which is the first or, of a method, the second argument."""
    place = 0 if plain.__name__ == "prefetch_one_level" else 1

    @wraps(plain)
    def checked(*args: Any, **kwargs: Any) -> Any:
        if len(args) <= place:  # by name
            objs = kwargs["objs"] = list(kwargs["objs"])
        else:
            objs = list(args[place])
            args = (*args[:place], objs, *args[place + 1 :])
        _check_rows(objs)
        return plain(*args, **kwargs)

    return checked


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
    def checked(self: Model, *args: Any, **kwargs: Any) -> Any:
        check_belongs(self)
        if using := kwargs.get("using"):
            kwargs["using"] = _with_its_schema(using)
        return plain(self, *args, **kwargs)

    return checked


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
