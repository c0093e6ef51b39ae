"""App config of logs, traces and error reports."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from tenants.contrib.observability.conf import ObservabilitySettings


class ObservabilityConfig(AppConfig):
    name = "tenants.contrib.observability"
    label = "tenants_observability"
    verbose_name = _("Observability")
    tenancy_settings = ObservabilitySettings
