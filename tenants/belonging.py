"""Records know their tenant: an instance or queryset of one tenant is refused in another.

Nothing is stored with each row. The router's answer to "which database?" is the alias, as ever, and carries the
schema with it; Django keeps that answer in `instance._state.db` of whatever it loads or saves, and pickles it along.
A queryset notes in its hints where it was begun, and is asked again when it is evaluated.
"""

from __future__ import annotations

from functools import lru_cache, wraps
from typing import Any

from django.db.models import Model, QuerySet
from django.db.models.query import RawQuerySet

from tenants.context import active_tenant
from tenants.errors import WrongTenant

_HINT = "tenant_schema"


class TenantAlias(str):
    """The alias of a database, equal to the plain one everywhere, with the schema that it was given for."""

    schema: str

    def __new__(cls, alias: str, schema: str) -> TenantAlias:
        self = super().__new__(cls, alias)
        self.schema = schema
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return alias_for, (str(self), self.schema)


@lru_cache(maxsize=4096)
def alias_for(alias: str, schema: str) -> TenantAlias:
    """Return the alias that stands for `schema`."""
    return TenantAlias(alias, schema)


def schema_of(instance: Model) -> str | None:
    """Return the schema that an instance was loaded from or saved to; None for one that belongs nowhere yet."""
    return getattr(instance._state.db, "schema", None)


def check_belongs(instance: Any) -> None:
    """Raise `WrongTenant` if an instance belongs to another tenant than the active one."""
    if isinstance(instance, Model):
        _check(schema_of(instance), instance._meta.label)


def _check(schema: str | None, what: str) -> None:
    tenant = active_tenant()
    if schema is not None and tenant is not None and schema != tenant.schema:
        raise WrongTenant(what, schema, str(tenant))


def guard_records() -> None:
    """Fit Django's querysets and instances with the check; called once, when Django has loaded."""
    kinds: tuple[Any, ...] = (QuerySet, RawQuerySet)
    for kind in kinds:
        kind.__init__ = _noting_its_tenant(kind.__init__)
        kind.db = property(_asked_again(kind.db.fget))
    # These take instances and ask no router about them.
    for name in ("bulk_create", "bulk_update"):
        setattr(QuerySet, name, _checking_each(getattr(QuerySet, name)))
    Model.__eq__ = _equal_in_one_tenant(Model.__eq__)  # type: ignore[method-assign]


def _noting_its_tenant(plain: Any) -> Any:
    @wraps(plain)
    def initialise(self: Any, *args: Any, **kwargs: Any) -> None:
        plain(self, *args, **kwargs)
        if _HINT not in self._hints:
            tenant = active_tenant()
            # A dictionary of its own: a manager gives all of its querysets the same one. One that is begun while no
            # tenant is active, as in the body of a class, is everybody's.
            self._hints = {**self._hints, _HINT: None if tenant is None else tenant.schema}

    return initialise


def _asked_again(plain: Any) -> Any:
    def db(self: Any) -> str:
        _check(self._hints.get(_HINT), f"A queryset of {self.model._meta.label}")
        _check(getattr(self._db, "schema", None), self.model._meta.label)
        alias: str = plain(self)
        return alias

    return db


def _checking_each(plain: Any) -> Any:
    @wraps(plain)
    def bulk(self: Any, objs: Any, *args: Any, **kwargs: Any) -> Any:
        instances = list(objs)
        for instance in instances:
            check_belongs(instance)
        return plain(self, instances, *args, **kwargs)

    return bulk


def _equal_in_one_tenant(plain: Any) -> Any:
    @wraps(plain)
    def equal_here(self: Model, other: object) -> Any:
        equal = plain(self, other)
        if equal is True and self is not other and isinstance(other, Model):
            return schema_of(self) == schema_of(other)
        return equal

    return equal_here
