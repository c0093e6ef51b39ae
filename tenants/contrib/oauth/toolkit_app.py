"""How django-oauth-toolkit is installed in a project of tenants: its own AppConfig, but for one system check."""

from __future__ import annotations

from django.core.checks.registry import registry
from oauth2_provider.apps import DOTConfig


class ToolkitConfig(DOTConfig):
    """To be named in INSTALLED_APPS in the place of `oauth2_provider`."""

    def ready(self) -> None:
        """Install the toolkit."""
        super().ready()
        from oauth2_provider.checks import validate_token_configuration

        # It asks the router for the tokens' database, which without an active tenant has no answer. There is one alias.
        registry.registered_checks.discard(validate_token_configuration)
