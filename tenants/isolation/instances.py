"""The tenant of a model instance: its `_state.db` is an alias with the schema it was loaded from or saved to.

The router answers with such an alias (`tenants.schema_alias`), and Django keeps the answer in `_state.db` and pickles
it. So no row needs anything more. `tenants.isolation.patches` has the checks.
"""

from __future__ import annotations

from typing import Any

from django.db import connections
from django.db.models import Model
from django.utils.connection import ConnectionDoesNotExist

from tenants.context import innermost
from tenants.errors import WrongTenant
from tenants.postgresql.base import DatabaseWrapper
from tenants.schema_alias import DEFAULT_ALIAS, SchemaAlias, alias_for


def tenant_schema_of(instance: Model) -> str | None:
    """Return the schema that an instance was loaded from or saved to; None for a new one."""
    return getattr(instance._state.db, "schema", None)


def check_same_tenant(instance: Any) -> None:
    """Raise `WrongTenant` if a model instance belongs to another tenant than the active one."""
    if isinstance(instance, Model):
        block = innermost.get()
        if block is None or instance._state.db is block.alias:  # usually
            return
        schema, tenant = tenant_schema_of(instance), block.tenant
        if schema is not None and schema != tenant.schema:
            raise WrongTenant(instance._meta.label, schema, str(tenant))


def with_schema(alias: Any) -> Any:
    """Return an alias that a caller or another router has named, with the active tenant's schema.

    The alias of a database with another engine stays as it is.
    """
    block = innermost.get()
    if block is None or not alias or isinstance(alias, SchemaAlias):
        return alias
    if alias == DEFAULT_ALIAS:
        return block.alias
    return alias_for(alias, block.tenant.schema) if is_tenant_database(alias) else alias


def is_tenant_database(alias: str) -> bool:
    """Return whether a database has our engine, whose statements carry the tenant."""
    try:
        return isinstance(connections[alias], DatabaseWrapper)
    except ConnectionDoesNotExist:
        return False  # Django raises it again when the alias is used
