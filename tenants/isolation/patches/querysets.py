"""Patches of querysets: each remembers the tenant for which it was made, and another tenant cannot evaluate it.

Django asks the router wherever it chooses a database itself, and the router refuses an instance of another tenant. It
asks no router where the caller has named the alias.
"""

from __future__ import annotations

from functools import wraps
from typing import Any

from tenants.context import innermost
from tenants.errors import WrongTenant
from tenants.isolation.instances import check_same_tenant, with_schema


class TenantHints(dict[str, Any]):
    """The hints of a queryset for database routers, with the schema that the queryset is for."""

    # The schema is an attribute: as one more hint, routers of other projects would get an argument that they do not
    # know. Clones of a queryset share the object; it is not changed any more when there is a clone.

    __slots__ = ("is_shared", "schema")

    is_shared: bool
    schema: str | None

    def __bool__(self) -> bool:
        return True  # Django writes `hints or {}`


def _with_active_schema(hints: Any) -> TenantHints:
    """Return `hints` with the active tenant's schema; a queryset made without an active tenant is for all tenants."""
    remembered = TenantHints(hints) if hints else TenantHints()
    remembered.is_shared = False
    block = innermost.get()
    remembered.schema = None if block is None else block.tenant.schema
    return remembered


def remember_tenant(original: Any) -> Any:
    @wraps(original)
    def __init__(self: Any, model: Any = None, query: Any = None, using: Any = None, hints: Any = None) -> None:  # noqa: N807
        # The parameters of Django's own and not *args: this runs for every clone, so for every filter.
        original(self, model, query, using)
        if type(hints) is TenantHints:
            hints.is_shared = True
            self._hints = hints
        else:
            self._hints = _with_active_schema(hints)

    return __init__


def remember_tenant_raw(original: Any) -> Any:
    @wraps(original)
    def __init__(  # noqa: N807
        self: Any, raw_query: Any, model: Any = None, query: Any = None, params: Any = (), translations: Any = None,
        using: Any = None, hints: Any = None, **more: Any,
    ) -> None:  # fmt: skip
        if type(hints) is not TenantHints:
            hints = _with_active_schema(hints)
        original(self, raw_query, model, query, params, translations, using, hints, **more)

    return __init__


def add_hints_to_own(original: Any) -> Any:
    @wraps(original)
    def _add_hints(self: Any, **hints: Any) -> None:
        before = self._hints
        if type(before) is TenantHints and not before.is_shared:
            before.update(hints)
            return
        # Not for the queryset that this one was cloned from: another tenant may use it by now.
        self._hints = own = TenantHints(before, **hints)
        own.is_shared = False
        own.schema = getattr(before, "schema", None)

    return _add_hints


def check_db(original: Any) -> Any:
    """Return a property `db` that refuses another tenant's queryset, and whose alias has the schema."""
    choose = original.fget

    def db(self: Any) -> str:
        if self._db is None:
            block = innermost.get()
            if block is not None:
                schema = getattr(self._hints, "schema", None)
                if schema is not None and schema != block.tenant.schema:
                    check_queryset(self)
            alias: str = choose(self)  # from our router, with the schema
            return alias
        check_queryset(self)
        check_same_tenant(self._hints.get("instance"))
        named: str = with_schema(choose(self))
        return named

    return property(db)


def check_queryset(queryset: Any) -> None:
    """Raise `WrongTenant` for a queryset that was made for another tenant than the active one."""
    block = innermost.get()
    if block is None:
        return
    here = block.tenant.schema
    for schema in (getattr(queryset._hints, "schema", None), getattr(queryset._db, "schema", None)):
        if schema is not None and schema != here:
            label = "raw SQL" if queryset.model is None else queryset.model._meta.label
            raise WrongTenant(f"A queryset of {label}", schema, str(block.tenant))
