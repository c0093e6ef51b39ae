"""Rows that a queryset holds in memory: only the tenant that fetched them reads them."""

from __future__ import annotations

from functools import wraps
from typing import Any, NamedTuple

from django.db.models import Model

from tenants.context import active_tenant, innermost
from tenants.errors import WrongTenant
from tenants.isolation.patches.querysets import check_queryset


class TenantRows(list[Any]):
    """The rows in memory of a queryset, with the schema that they come from.

    All threads share a queryset at the top of a module. Its rows are those of the first tenant that evaluated it.
    """

    # The list has the schema and not the queryset, so that no thread sees the rows without it.

    __slots__ = ("model", "schema")

    model: type[Model]
    schema: str | None

    def check(self) -> None:
        block = innermost.get()
        if self.schema is not None and block is not None and self.schema != block.tenant.schema:
            raise WrongTenant(f"The result of a queryset of {self.model._meta.label}", self.schema, str(block.tenant))

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
        # Without it, `[] + rows` copies the items unchecked.
        return [*other, *self]


_iterate, _length = list.__iter__, list.__len__
# These fill a copy or a pickle before it has its schema.
_FILLING = {"append", "extend", "__init__", "__new__"}
# These return no rows.
_ABOUT_THE_OBJECT = {"__getattribute__", "__class_getitem__", "__sizeof__", "__hash__", "__doc__"}


def _checked(original: Any) -> Any:
    @wraps(original)
    def checked(self: TenantRows, *args: Any, **kwargs: Any) -> Any:
        self.check()
        return original(self, *args, **kwargs)

    return checked


for _name in vars(list).keys() - vars(TenantRows).keys() - _FILLING - _ABOUT_THE_OBJECT:
    setattr(TenantRows, _name, _checked(getattr(list, _name)))


def _rows(model: Any, schema: str | None, rows: Any) -> TenantRows:
    kept = TenantRows(rows)
    kept.schema = schema
    kept.model = model
    return kept


def fetch_tenant_rows(original: Any) -> Any:
    """Return `_fetch_all` as Django has it, which puts the rows into a `TenantRows` and not into a list."""

    @wraps(original)
    def _fetch_all(self: Any) -> None:
        rows = self._result_cache
        if rows is None:
            block = innermost.get()
            rows = _rows(self.model, None if block is None else block.tenant.schema, self._iterable_class(self))
            self._result_cache = rows
        elif type(rows) is list:  # other code put it there, for the tenant of the queryset
            block = innermost.get()
            if block is not None and getattr(self._hints, "schema", None) != block.tenant.schema:
                check_queryset(self)
        if self._prefetch_related_lookups and not self._prefetch_done:
            self._prefetch_related_objects()

    return _fetch_all


def mark_prefetched(instances: Any) -> None:
    """Mark the rows that Django has prefetched into the querysets of `instances` as the active tenant's."""
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


class _Fetched(NamedTuple):
    """Rows and their schema: one value, so that no thread sees one without the other."""

    schema: str | None
    rows: Any

    def __deepcopy__(self, memo: object) -> None:
        """Leave them out: the copy of a queryset has fetched nothing."""


class TenantResultCache:
    """The attribute `_result_cache` of raw querysets: another tenant's rows raise `WrongTenant`."""

    def __get__(self, queryset: Any, owner: type) -> Any:
        if queryset is None:
            return self
        # Not by name in the queryset's __dict__: Python makes that dictionary only when it is asked for.
        fetched = getattr(queryset, "_fetched", None)
        if fetched is None:
            return None
        tenant = active_tenant()
        if fetched.schema is not None and tenant is not None and fetched.schema != tenant.schema:
            raise WrongTenant(f"The result of a queryset of {queryset.model._meta.label}", fetched.schema, str(tenant))
        return fetched.rows

    def __set__(self, queryset: Any, rows: Any) -> None:
        if rows is None:
            queryset._fetched = None
        else:
            tenant = active_tenant()
            queryset._fetched = _Fetched(None if tenant is None else tenant.schema, rows)
