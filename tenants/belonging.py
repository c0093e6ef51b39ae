"""Whose a record is: an instance carries the schema that it was loaded from or saved to.

Nothing is stored with each row. The router's answer to "which database?" is the alias, as ever, and carries the
schema with it; Django keeps that answer in `instance._state.db` of whatever it loads or saves, and pickles it along.
`tenants.record_guard` has it looked at.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from django.db.models import Model

from tenants.context import active_tenant
from tenants.errors import WrongTenant


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
        schema, tenant = schema_of(instance), active_tenant()
        if schema is not None and tenant is not None and schema != tenant.schema:
            raise WrongTenant(instance._meta.label, schema, str(tenant))
