"""The app of limits per tenant: hits of them are counted."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class LimitsConfig(AppConfig):
    name = "tenants.contrib.limits"
    label = "tenants_limits"
    verbose_name = _("Limits")

    def ready(self) -> None:
        from tenants.contrib.limits.counters import WRITTEN_SECONDS, pressure
        from tenants.registry.listener import listener

        listener.every(WRITTEN_SECONDS, pressure.write)
