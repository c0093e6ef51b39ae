"""Executor and autodetector for Django's `migrate` and `makemigrations`, limited to one side's apps."""

from __future__ import annotations

from typing import Any

from django.db.migrations.autodetector import MigrationAutodetector
from django.db.migrations.executor import MigrationExecutor

from tenants.context import PLATFORM, active_tenant
from tenants.isolation.app_placement import app_labels_for


class ControlPlaneExecutor(MigrationExecutor):
    """Applies and records only the migrations of the control plane's apps."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        every_leaf_node = self.loader.graph.leaf_nodes
        labels = app_labels_for(PLATFORM)
        self.loader.graph.leaf_nodes = lambda app=None: [key for key in every_leaf_node(app) if key[0] in labels]


class TenantAutodetector(MigrationAutodetector):
    """Detects changes of the active tenant's apps, or of all apps if no tenant is active."""

    def changes(self, *args: Any, **kwargs: Any) -> dict[str, list[Any]]:
        found: dict[str, list[Any]] = super().changes(*args, **kwargs)
        tenant = active_tenant()
        if tenant is None:
            return found
        labels = app_labels_for(tenant)
        return {label: changes for label, changes in found.items() if label in labels}
