"""The database router: one alias for all tenants, and a model only where its tables are."""

from __future__ import annotations

from functools import cache, wraps
from typing import Any

from django.db.models import Model
from django.db.utils import ConnectionRouter

from tenants.context import active_tenant, innermost
from tenants.errors import NoActiveTenant, WrongSchema
from tenants.isolation.app_placement import has_tables, home_of, labels_for
from tenants.isolation.instances import check_belongs, is_ours, with_its_schema

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


@cache  # `AppConfig.ready` is called again when a test overrides INSTALLED_APPS
def hold_other_routers() -> None:
    """Apply the tenant's rules also where a router of a project's stands before ours and answers first."""
    django: Any = ConnectionRouter
    for name in ("db_for_read", "db_for_write"):
        setattr(django, name, _held(getattr(django, name)))
    django.allow_relation = _relating_in_one_tenant(django.allow_relation)
    django.allow_migrate = _migrating_in_place(django.allow_migrate)


_ours = TenantRouter()


def _held(plain: Any) -> Any:
    @wraps(plain)
    def route(self: ConnectionRouter, model: Any, **hints: Any) -> Any:
        routers: list[Any] = self.routers
        if len(routers) == 1 and type(routers[0]) is TenantRouter:  # usually; it reads and writes alike
            return routers[0].db_for_read(model, **hints)
        alias = plain(self, model, **hints)
        block = innermost.get()
        if block is None or alias is block.alias:
            return alias
        if is_ours(alias):
            _ours.db_for_read(model, **hints)
        return with_its_schema(alias)

    return route


def _relating_in_one_tenant(plain: Any) -> Any:
    @wraps(plain)
    def allow_relation(self: ConnectionRouter, obj1: Any, obj2: Any, **hints: Any) -> Any:
        for row in (obj1, obj2):
            check_belongs(row)
        return plain(self, obj1, obj2, **hints)

    return allow_relation


def _migrating_in_place(plain: Any) -> Any:
    @wraps(plain)
    def allow_migrate(self: ConnectionRouter, db: str, app_label: str, **hints: Any) -> Any:
        allowed = plain(self, db, app_label, **hints)
        return allowed and (not is_ours(db) or _ours.allow_migrate(db, app_label, **hints))

    return allow_migrate
