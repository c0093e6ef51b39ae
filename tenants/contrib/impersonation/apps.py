"""App config of impersonation: operators log in to a shop by a one-time link."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from tenants.contrib.impersonation.conf import ImpersonationSettings


class ImpersonationConfig(AppConfig):
    name = "tenants.contrib.impersonation"
    label = "tenants_impersonation"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = _("Impersonation")
    tenancy_settings = ImpersonationSettings

    def ready(self) -> None:
        from tenants.contrib.impersonation.guard import guard_operator_accounts

        guard_operator_accounts()
