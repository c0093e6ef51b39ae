"""The database router: one alias for all tenants, and a model only where its tables are."""

from __future__ import annotations

from typing import Any

from django.db.models import Model

from tenants.context import active_tenant, innermost
from tenants.errors import NoActiveTenant, WrongSchema
from tenants.isolation.app_placement import has_tables, home_of, labels_for
from tenants.isolation.instances import check_belongs

ALIAS = "default"


class TenantRouter:
    """Lets a model be read, written, related and migrated where the active tenant has its tables."""

    def db_for_read(self, model: type[Model] | None, instance: Any = None, **hints: Any) -> str:
        """Return the alias; raise `NoActiveTenant`, `WrongSchema` or `WrongTenant` where that is not to be asked.

        Raw SQL may have no model; PostgreSQL refuses what is not the tenant's in it.
        """
        block = innermost.get()
        if block is None:
            raise NoActiveTenant("A raw query" if model is None else model._meta.label)
        labels = block.labels
        if labels is None:
            labels = block.labels = labels_for(block.tenant)
        if model is not None and model._meta.app_label not in labels:
            raise WrongSchema(model._meta.label, home_of(model._meta.app_label), str(block.tenant))
        alias = block.alias
        if instance is not None and ((state := getattr(instance, "_state", None)) is None or state.db is not alias):
            check_belongs(instance)
        return alias

    db_for_write = db_for_read

    def allow_relation(self, first: Model, second: Model, **hints: Any) -> bool:
        """Allow a relation only between rows of one side: no foreign key crosses schemas."""
        tenant = active_tenant()
        for row in (first, second):
            check_belongs(row)
        return tenant is not None and all(has_tables(row._meta.app_label, tenant) for row in (first, second))

    def allow_migrate(self, db: str, app_label: str, model_name: str | None = None, **hints: Any) -> bool:
        """Allow an app's migrations where its tables belong; without an active tenant, nowhere."""
        tenant = active_tenant()
        return db == ALIAS and tenant is not None and has_tables(app_label, tenant)
