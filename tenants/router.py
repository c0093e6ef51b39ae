"""The database router: one alias for everybody, and a model only where its tables are."""

from __future__ import annotations

from typing import Any

from django.db.models import Model

from tenants.belonging import alias_for, check_belongs
from tenants.context import active_tenant
from tenants.errors import NoActiveTenant, WrongScope
from tenants.scopes import has_tables, home_of

ALIAS = "default"


class TenantRouter:
    """Lets a model be read, written, related and migrated where the active tenant has its tables."""

    def db_for_read(self, model: type[Model], **hints: Any) -> str:
        """Return the alias; raise `NoActiveTenant`, `WrongScope` or `WrongTenant` where that is not to be asked."""
        tenant = active_tenant()
        if tenant is None:
            raise NoActiveTenant(model._meta.label)
        if not has_tables(model._meta.app_label, tenant):
            raise WrongScope(model._meta.label, home_of(model._meta.app_label), str(tenant))
        check_belongs(hints.get("instance"))
        return alias_for(ALIAS, tenant.schema)

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
