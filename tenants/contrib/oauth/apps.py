"""The app whose tables are in every tenant's schema."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class OAuthConfig(AppConfig):
    name = "tenants.contrib.oauth"
    label = "oauth"
    verbose_name = _("Access by programs")

    def ready(self) -> None:
        """Have this process hear of keys and revocations, and end the tokens of users who are switched off."""
        from tenants.contrib.oauth import api_keys, checks, revocation  # noqa: F401  # checks register themselves
        from tenants.contrib.oauth.key_cache import key_cache
        from tenants.registry import invalidation

        invalidation.subscribe("oauth", key_cache)
        revocation.connect()
        api_keys.connect()
