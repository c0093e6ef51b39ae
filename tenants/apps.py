"""Wires the engine into Django."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.apps import AppConfig
from django.db import transaction
from django.db.models.signals import m2m_changed, post_delete, post_save
from django.utils.translation import gettext_lazy as _


class TenantsConfig(AppConfig):
    name = "tenants"
    verbose_name = _("The building")

    def ready(self) -> None:
        """Patch Django where it offers no setting, and connect the receivers that invalidate caches."""
        from tenants import checks  # noqa: F401  # registers itself
        from tenants.http import error_pages
        from tenants.isolation.patches import install, table
        from tenants.management import error_messages
        from tenants.migrator import operations
        from tenants.models import Domain, Mount, Service, ServiceAddress, Tenant
        from tenants.postgresql.creation import DatabaseCreation

        install((*table.PATCHES, *operations.PATCHES, *error_pages.PATCHES, *error_messages.PATCHES))
        if _leave_test_database not in DatabaseCreation.before_drop:
            DatabaseCreation.before_drop.append(_leave_test_database)
        for model in (Tenant, Domain, Mount):
            post_save.connect(_forget, sender=model, dispatch_uid="tenants.registry.lookup")
            post_delete.connect(_forget, sender=model, dispatch_uid="tenants.registry.lookup")
        for registered in (Service, ServiceAddress):
            post_save.connect(_read_services_again, sender=registered, dispatch_uid="tenants.directory")
            post_delete.connect(_read_services_again, sender=registered, dispatch_uid="tenants.directory")
        m2m_changed.connect(_read_services_again, sender=Service.tenants.through, dispatch_uid="tenants.directory")


def _leave_test_database() -> None:
    from tenants.contrib.api.usage import usage
    from tenants.registry.listener import listener
    from tenants.registry.lookup import registry

    listener.stop()
    usage.forget()  # else it is written into the database that the settings name again after the tests
    registry.clear()


def _forget(*, instance: Any, **_: object) -> None:
    from tenants.registry.lookup import registry

    tenant_id = getattr(instance, "tenant_id", instance.pk)
    transaction.on_commit(partial(registry.forget, tenant_id))


def _read_services_again(**_: object) -> None:
    from tenants.contrib.services.directory import directory

    transaction.on_commit(directory.clear)
