"""App of mounts: applications under a path of a tenant."""

from __future__ import annotations

from django.apps import AppConfig
from django.db.models.signals import post_delete, post_save
from django.utils.translation import gettext_lazy as _

from tenants.contrib.mounts.conf import MountSettings


class MountsConfig(AppConfig):
    name = "tenants.contrib.mounts"
    label = "tenants_mounts"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = _("Mounts")
    tenancy_settings = MountSettings

    def ready(self) -> None:
        from tenants.contrib.mounts.lookup import load_mounts_with_tenants
        from tenants.contrib.mounts.models import Mount
        from tenants.registry.lookup import invalidate_tenant_of

        load_mounts_with_tenants()
        post_save.connect(invalidate_tenant_of, sender=Mount, dispatch_uid="tenants.registry")
        post_delete.connect(invalidate_tenant_of, sender=Mount, dispatch_uid="tenants.registry")
