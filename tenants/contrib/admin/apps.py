"""The app of the operator's admin."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class OperatorAdminConfig(AppConfig):
    name = "tenants.contrib.admin"
    label = "tenants_admin"
    verbose_name = _("The building")
