"""Wires the engine into Django."""

from __future__ import annotations

from types import ModuleType

from django.apps import AppConfig
from django.conf import settings
from django.db.models.signals import post_delete, post_save
from django.utils.translation import gettext_lazy as _

from tenants.errors import MissingExtra
from tenants.extras import check_names, print_as_one_line

_SETTINGS_WITH_PATHS = ("INSTALLED_APPS", "MIDDLEWARE", "AUTHENTICATION_BACKENDS")


class TenantsConfig(AppConfig):
    name = "tenants"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = _("Platform")

    def __init__(self, app_name: str, app_module: ModuleType | None) -> None:
        # Before the other apps are loaded: Django would report a missing package of theirs as ModuleNotFoundError.
        try:
            for name in _SETTINGS_WITH_PATHS:
                check_names(name, getattr(settings, name))
            check_names("PASSWORD_HASHERS", settings.PASSWORD_HASHERS[:1])  # the others read hashes, if there are any
        except MissingExtra as error:
            print_as_one_line(error)
            raise
        super().__init__(app_name, app_module)

    def ready(self) -> None:
        """Patch Django where it offers no setting, and connect the receivers that invalidate caches."""
        from tenants import checks  # noqa: F401  # registers itself
        from tenants.http import overload
        from tenants.isolation.patches import install, table
        from tenants.management import error_messages
        from tenants.migrator import operations
        from tenants.models import Domain, Tenant
        from tenants.postgresql.creation import DatabaseCreation
        from tenants.registry.lookup import invalidate_tenant_of

        install((*table.PATCHES, *operations.PATCHES, *overload.PATCHES, *error_messages.PATCHES))
        if _leave_test_database not in DatabaseCreation.before_drop:
            DatabaseCreation.before_drop.append(_leave_test_database)
        for model in (Tenant, Domain):
            post_save.connect(invalidate_tenant_of, sender=model, dispatch_uid="tenants.registry")
            post_delete.connect(invalidate_tenant_of, sender=model, dispatch_uid="tenants.registry")


def _leave_test_database() -> None:
    from tenants.registry.listener import listener
    from tenants.registry.lookup import registry

    listener.stop()
    registry.clear()
