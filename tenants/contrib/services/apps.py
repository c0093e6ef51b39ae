"""App of services: registry, signed identities and the service client."""

from __future__ import annotations

from django.apps import AppConfig
from django.db import transaction
from django.db.models.signals import m2m_changed, post_delete, post_save
from django.utils.translation import gettext_lazy as _

from tenants.contrib.services.conf import ServiceSettings


class ServicesConfig(AppConfig):
    name = "tenants.contrib.services"
    label = "tenants_services"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = _("Services")
    tenancy_settings = ServiceSettings

    def ready(self) -> None:
        from tenants.contrib.services import checks  # noqa: F401  # registers itself
        from tenants.contrib.services.models import Service, ServiceAddress
        from tenants.contrib.services.registry import service_registry
        from tenants.registry import invalidation

        invalidation.subscribe("services", service_registry)
        for model in (Service, ServiceAddress):
            post_save.connect(_invalidate, sender=model, dispatch_uid="tenants.services")
            post_delete.connect(_invalidate, sender=model, dispatch_uid="tenants.services")
        m2m_changed.connect(_invalidate, sender=Service.tenants.through, dispatch_uid="tenants.services")


def _invalidate(**_: object) -> None:
    from tenants.contrib.services.registry import service_registry

    transaction.on_commit(service_registry.invalidate)
