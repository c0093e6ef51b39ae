"""Patches of Django's list of routers: the tenant's rules hold also where another router answers first."""

from __future__ import annotations

from functools import wraps
from typing import Any

from django.db.utils import ConnectionRouter

from tenants.context import innermost
from tenants.isolation.instances import check_same_tenant, is_tenant_database, with_schema
from tenants.isolation.router import TenantRouter

_router = TenantRouter()


def route_in_tenant(original: Any) -> Any:
    @wraps(original)
    def route(self: ConnectionRouter, model: Any, **hints: Any) -> Any:
        routers: list[Any] = self.routers
        if len(routers) == 1 and type(routers[0]) is TenantRouter:  # usually; it reads and writes alike
            return routers[0].db_for_read(model, **hints)
        alias = original(self, model, **hints)
        block = innermost.get()
        if block is None or alias is block.alias:
            return alias
        if is_tenant_database(alias):
            _router.db_for_read(model, **hints)
        return with_schema(alias)

    return route


def relate_in_tenant(original: Any) -> Any:
    @wraps(original)
    def allow_relation(self: ConnectionRouter, obj1: Any, obj2: Any, **hints: Any) -> Any:
        for row in (obj1, obj2):
            check_same_tenant(row)
        return original(self, obj1, obj2, **hints)

    return allow_relation


def migrate_in_place(original: Any) -> Any:
    @wraps(original)
    def allow_migrate(self: ConnectionRouter, db: str, app_label: str, **hints: Any) -> Any:
        allowed = original(self, db, app_label, **hints)
        return allowed and (not is_tenant_database(db) or _router.allow_migrate(db, app_label, **hints))

    return allow_migrate
