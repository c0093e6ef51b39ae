"""App of the versioned API, whose usage it counts."""

from __future__ import annotations

import atexit

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from tenants.contrib.api.conf import ApiSettings, api_settings


class ApiConfig(AppConfig):
    name = "tenants.contrib.api"
    label = "tenants_api"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = _("API")
    tenancy_settings = ApiSettings

    def ready(self) -> None:
        from tenants.contrib.api.usage import usage
        from tenants.postgresql.creation import DatabaseCreation
        from tenants.registry.listener import listener

        # Counts of a test database would be written into the next one.
        if usage.clear not in DatabaseCreation.before_drop:
            DatabaseCreation.before_drop.append(usage.clear)
        if seconds := api_settings().api_usage_seconds:
            listener.every(seconds, usage.save)
            atexit.register(usage.save_at_exit)
