"""The app of limits per tenant: hits of them are counted."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from tenants.contrib.limits.conf import LimitSettings


class LimitsConfig(AppConfig):
    name = "tenants.contrib.limits"
    label = "tenants_limits"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = _("Limits")
    tenancy_settings = LimitSettings

    def ready(self) -> None:
        from tenants.contrib.limits.counters import WRITTEN_SECONDS, limit_counters
        from tenants.contrib.limits.middleware import count_statement_timeout, response_to_busy_hashing
        from tenants.http.overload import error_responses
        from tenants.http.signals import overloaded, reset_limits
        from tenants.registry.listener import listener

        listener.every(WRITTEN_SECONDS, limit_counters.write)
        overloaded.connect(count_statement_timeout, dispatch_uid="tenants.limits")
        if response_to_busy_hashing not in error_responses:
            error_responses.append(response_to_busy_hashing)
        reset_limits.connect(_reset, dispatch_uid="tenants.limits")


def _reset(**_: object) -> None:
    from tenants.contrib.limits.limiter import limiter

    limiter.clear()
