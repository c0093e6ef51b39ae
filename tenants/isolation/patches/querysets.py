"""Querysets that know which tenant they are for, and rows in memory that are shown to their tenant alone."""

from __future__ import annotations

from functools import wraps
from typing import Any, NamedTuple

from django.db.models import Model

from tenants.context import active_tenant, innermost
from tenants.errors import WrongTenant
from tenants.isolation.instances import check_belongs, with_its_schema


class Hints(dict[str, Any]):
    """The hints of a queryset for routers, with the schema that it is for.

    An attribute and not one more hint: routers of users need not expect it. Clones share the object, and it is not
    changed any more when there is one.
    """

    __slots__ = ("is_shared", "schema")

    is_shared: bool
    schema: str | None

    def __bool__(self) -> bool:
        return True  # Django writes `hints or {}`


def note_tenant(hints: Any) -> Hints:
    """Return `hints` with the active tenant's schema; one that is begun while none is active is for all tenants."""
    noted = Hints(hints) if hints else Hints()
    noted.is_shared = False
    block = innermost.get()
    noted.schema = None if block is None else block.tenant.schema
    return noted


def noting_its_tenant(plain: Any) -> Any:
    @wraps(plain)
    def __init__(self: Any, model: Any = None, query: Any = None, using: Any = None, hints: Any = None) -> None:  # noqa: N807
        # With the arguments of Django's own, and not with any: most querysets are clones, made for every filter.
        if type(hints) is Hints:
            hints.is_shared = True
        else:
            hints = note_tenant(hints)
        plain(self, model, query, using, hints)

    return __init__


def noting_its_tenant_raw(plain: Any) -> Any:
    @wraps(plain)
    def __init__(  # noqa: N807
        self: Any, raw_query: Any, model: Any = None, query: Any = None, params: Any = (), translations: Any = None,
        using: Any = None, hints: Any = None, **more: Any,
    ) -> None:  # fmt: skip
        noted = hints if type(hints) is Hints else note_tenant(hints)
        plain(
            self, raw_query, model, query, params, translations, using, noted, **more
        )  # Django 6.1 has `fetch_mode` more

    return __init__


def adding_hints(plain: Any) -> Any:
    """Add hints to one queryset, and not to those that it was cloned from: they may be another tenant's by now."""

    @wraps(plain)
    def _add_hints(self: Any, **hints: Any) -> None:
        before = self._hints
        if type(before) is Hints and not before.is_shared:
            before.update(hints)
            return
        self._hints = noted = Hints(before, **hints)
        noted.is_shared = False
        noted.schema = getattr(before, "schema", None)

    return _add_hints


def asked_again(plain: Any) -> Any:
    def db(self: Any) -> str:
        if self._db is None:
            block = innermost.get()
            if block is not None:
                schema = getattr(self._hints, "schema", None)
                if schema is not None and schema != block.tenant.schema:
                    check_queryset(self)
            alias: str = plain(self)  # the routers' own, which has the schema
            return alias
        check_queryset(self)
        check_belongs(self._hints.get("instance"))  # where the alias is named, no router is asked
        named: str = with_its_schema(plain(self))
        return named

    return db


def check_queryset(queryset: Any) -> None:
    block = innermost.get()
    if block is None:
        return
    here = block.tenant.schema
    # Not by check_schema(): this is asked for every query, and only an error needs words.
    for schema in (getattr(queryset._hints, "schema", None), getattr(queryset._db, "schema", None)):
        if schema is not None and schema != here:
            label = "raw SQL" if queryset.model is None else queryset.model._meta.label
            raise WrongTenant(f"A queryset of {label}", schema, str(block.tenant))


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

    def __radd__(self, other: Any) -> Any:
        # Without it, `[] + rows` copies the items and asks nothing.
        return [*other, *self]


_iterate, _length = list.__iter__, list.__len__
# A copy or a pickle is filled by these before it knows its schema.
_FILLING = {"append", "extend", "__init__", "__new__"}
# These show no rows.
_ABOUT_THE_OBJECT = {"__getattribute__", "__class_getitem__", "__sizeof__", "__hash__", "__doc__"}


def _shown_to_its_tenant(plain: Any) -> Any:
    @wraps(plain)
    def shown(self: TenantRows, *args: Any, **kwargs: Any) -> Any:
        self.check()
        return plain(self, *args, **kwargs)

    return shown


for _name in vars(list).keys() - vars(TenantRows).keys() - _FILLING - _ABOUT_THE_OBJECT:
    setattr(TenantRows, _name, _shown_to_its_tenant(getattr(list, _name)))


def _rows(model: Any, schema: str | None, rows: Any) -> TenantRows:
    kept = TenantRows(rows)
    kept.schema = schema
    kept.model = model
    return kept


def fetching_rows(plain: Any) -> Any:
    """Django's own `_fetch_all`, with rows that know whose they are from the moment that another thread sees them."""

    @wraps(plain)
    def _fetch_all(self: Any) -> None:
        rows = self._result_cache
        if rows is None:
            block = innermost.get()
            rows = _rows(self.model, None if block is None else block.tenant.schema, self._iterable_class(self))
            self._result_cache = rows
        elif type(rows) is list:  # put there by other code, for the tenant whose queryset it is
            block = innermost.get()
            if block is not None and getattr(self._hints, "schema", None) != block.tenant.schema:
                check_queryset(self)
        if self._prefetch_related_lookups and not self._prefetch_done:
            self._prefetch_related_objects()

    return _fetch_all


def mark_prefetched(instances: Any) -> None:
    """Mark the rows that Django has just put into the querysets of `instances` as the active tenant's."""
    block = innermost.get()
    schema = None if block is None else block.tenant.schema
    for instance in instances:
        for queryset in getattr(instance, "_prefetched_objects_cache", _NONE).values():
            rows = getattr(queryset, "_result_cache", None)
            if type(rows) is list:
                queryset._result_cache = kept = TenantRows(rows)
                kept.schema = schema
                kept.model = queryset.model


_NONE: dict[str, Any] = {}


def checking_itself(plain: Any) -> Any:
    @wraps(plain)
    def checked(self: Any, *args: Any, **kwargs: Any) -> Any:
        check_queryset(self)
        return plain(self, *args, **kwargs)

    return checked


class _Fetched(NamedTuple):
    """Rows, and whose they are: one value, so that no thread sees one without the other."""

    schema: str | None
    rows: Any

    def __deepcopy__(self, memo: object) -> None:
        """Leave them behind: the copy of a queryset has fetched nothing."""


class RowsInMemory:
    """Stands in for the attribute `_result_cache` of raw querysets: rows that were fetched are shown to their tenant.

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
