"""Whose a record is: an instance carries the schema that it was loaded from or saved to.

Nothing is stored with each row. The router's answer to "which database?" is the alias, as ever, and carries the
schema with it; Django keeps that answer in `instance._state.db` of whatever it loads or saves, and pickles it along.
`tenants.isolation.patches.models` has it looked at.
"""

from __future__ import annotations

from typing import Any

from django.db import connections
from django.db.models import Model
from django.utils.connection import ConnectionDoesNotExist

from tenants.context import innermost
from tenants.errors import WrongTenant
from tenants.postgresql.base import DatabaseWrapper
from tenants.schema_alias import DEFAULT_ALIAS, TenantAlias, alias_for


def schema_of(instance: Model) -> str | None:
    """Return the schema that an instance was loaded from or saved to; None for one that belongs nowhere yet."""
    return getattr(instance._state.db, "schema", None)


def check_belongs(instance: Any) -> None:
    """Raise `WrongTenant` if an instance belongs to another tenant than the active one."""
    if isinstance(instance, Model):
        block = innermost.get()
        if block is None or instance._state.db is block.alias:  # usually
            return
        schema, tenant = schema_of(instance), block.tenant
        if schema is not None and schema != tenant.schema:
            raise WrongTenant(instance._meta.label, schema, str(tenant))


def with_its_schema(alias: Any) -> Any:
    """Return an alias that was named, or chosen by a user's router, as ours gives it: rows then know their tenant.

    A database of another engine has no tenants, and its alias stays as it is.
    """
    block = innermost.get()
    if block is None or not alias or isinstance(alias, TenantAlias):
        return alias
    if alias == DEFAULT_ALIAS:
        return block.alias
    return alias_for(alias, block.tenant.schema) if is_ours(alias) else alias


def is_ours(alias: str) -> bool:
    """Tell whether the statements to a database carry the tenant."""
    try:
        return isinstance(connections[alias], DatabaseWrapper)
    except ConnectionDoesNotExist:
        return False  # Django says so when it is asked for something
