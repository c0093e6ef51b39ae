"""App config of the gateway in front of the services."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from tenants.contrib.gateway.conf import GatewaySettings


class GatewayConfig(AppConfig):
    name = "tenants.contrib.gateway"
    label = "tenants_gateway"
    verbose_name = _("Gateway")
    tenancy_settings = GatewaySettings
