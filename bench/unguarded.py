"""Sangga without its record guard: what the guard costs is the difference to this."""

from __future__ import annotations


def leave_records_unguarded() -> None:
    """Call before `django.setup()`: records then do not know their tenant, and no check is made."""
    from tenants import context
    from tenants.isolation.patches import table

    guards = (*table.QUERYSETS, *table.MODELS, *table.RELATIONS, *table.GENERIC_RELATIONS, *table.ROUTERS)
    table.PATCHES = tuple(patch for patch in table.PATCHES if patch not in guards)
    context.alias_for = lambda alias, schema: alias  # type: ignore[assignment]
