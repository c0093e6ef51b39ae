"""AppConfig of django-oauth-toolkit without one of its system checks."""

from __future__ import annotations

from django.core.checks.registry import registry
from oauth2_provider.apps import DOTConfig


class ToolkitConfig(DOTConfig):
    """For INSTALLED_APPS, instead of `oauth2_provider`."""

    def ready(self) -> None:
        super().ready()
        from oauth2_provider.checks import validate_token_configuration

        # It asks the router for the database of the tokens, which fails without an active tenant.
        registry.registered_checks.discard(validate_token_configuration)
