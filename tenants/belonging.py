"""Whose a record is: an instance carries the schema that it was loaded from or saved to.

Nothing is stored with each row. The router's answer to "which database?" is the alias, as ever, and carries the
schema with it; Django keeps that answer in `instance._state.db` of whatever it loads or saves, and pickles it along.
`tenants.record_guard` has it looked at.
"""

from __future__ import annotations

from typing import Any

from django.db.models import Model

from tenants.aliases import TenantAlias as TenantAlias
from tenants.aliases import alias_for as alias_for
from tenants.context import innermost
from tenants.errors import WrongTenant


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
