"""The app of the versioned API: usage of it is counted."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ApiConfig(AppConfig):
    name = "tenants.contrib.api"
    label = "tenants_api"
    verbose_name = _("API")

    def ready(self) -> None:
        """Drop what was counted before a test database goes: it would be written into the next one."""
        from tenants.contrib.api.usage import usage
        from tenants.postgresql.creation import DatabaseCreation

        if usage.forget not in DatabaseCreation.before_drop:
            DatabaseCreation.before_drop.append(usage.forget)
