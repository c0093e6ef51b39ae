"""Database router: one alias for all tenants, and a model only where its tables are."""

from __future__ import annotations

from typing import Any

from django.db.models import Model

from tenants.context import active_tenant, innermost
from tenants.errors import NoActiveTenant, WrongSchema
from tenants.isolation.app_placement import app_labels_for, describe_placement, is_installed_for
from tenants.isolation.instances import check_same_tenant

ALIAS = "default"


class TenantRouter:
    """Lets a model be read, written, related and migrated where the active tenant has its tables."""

    def db_for_read(self, model: type[Model] | None, instance: Any = None, **hints: Any) -> str:
        """Return the alias; raise `NoActiveTenant`, `WrongSchema` or `WrongTenant`.

        Raw SQL may have no model. PostgreSQL then refuses tables of others.
        """
        block = innermost.get()
        if block is None:
            raise NoActiveTenant("A raw query" if model is None else model._meta.label)
        labels = block.labels
        if labels is None:
            labels = block.labels = app_labels_for(block.tenant)
        if model is not None and model._meta.app_label not in labels:
            raise WrongSchema(model._meta.label, describe_placement(model._meta.app_label), str(block.tenant))
        alias = block.alias
        if instance is not None and ((state := getattr(instance, "_state", None)) is None or state.db is not alias):
            check_same_tenant(instance)
        return alias

    db_for_write = db_for_read

    def allow_relation(self, first: Model, second: Model, **hints: Any) -> bool:
        """Allow relations inside one schema: no foreign key crosses schemas."""
        tenant = active_tenant()
        for row in (first, second):
            check_same_tenant(row)
        return tenant is not None and all(is_installed_for(row._meta.app_label, tenant) for row in (first, second))

    def allow_migrate(self, db: str, app_label: str, model_name: str | None = None, **hints: Any) -> bool:
        """Allow the migrations of apps that have tables in the active tenant's schema; none without a tenant."""
        tenant = active_tenant()
        return db == ALIAS and tenant is not None and is_installed_for(app_label, tenant)
