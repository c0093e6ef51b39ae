"""The app of the versioned API: usage of it is counted."""

from __future__ import annotations

import atexit

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from tenants.contrib.api.conf import ApiSettings, api_settings


class ApiConfig(AppConfig):
    name = "tenants.contrib.api"
    label = "tenants_api"
    verbose_name = _("API")
    tenancy_settings = ApiSettings

    def ready(self) -> None:
        """Have usage written, and drop it before a test database goes: it would be written into the next one."""
        from tenants.contrib.api.usage import usage
        from tenants.postgresql.creation import DatabaseCreation
        from tenants.registry.listener import listener

        if usage.forget not in DatabaseCreation.before_drop:
            DatabaseCreation.before_drop.append(usage.forget)
        if seconds := api_settings().api_usage_seconds:
            listener.every(seconds, usage.write)
            atexit.register(usage.write_remaining)
