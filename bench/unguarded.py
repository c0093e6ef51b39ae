"""Sangga without its record guard: what the guard costs is the difference to this."""

from __future__ import annotations


def leave_records_unguarded() -> None:
    """Call before `django.setup()`: records then do not know their tenant, and nobody asks them."""
    from tenants import context
    from tenants.isolation import router
    from tenants.isolation.patches import models as record_guard

    record_guard.guard_records = lambda: None
    record_guard.guard_generic_relations = lambda: None
    router.hold_other_routers = lambda: None
    context.alias_for = lambda alias, schema: alias  # type: ignore[assignment]
