"""App of the OAuth provider, with tables in each tenant's schema."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class OAuthConfig(AppConfig):
    name = "tenants.contrib.oauth"
    label = "oauth"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = _("API access")

    def ready(self) -> None:
        from tenants.contrib.oauth import api_keys, checks, key_cache, revocation  # noqa: F401  # checks register themselves
        from tenants.registry import invalidation

        invalidation.subscribe("oauth", key_cache.key_cache)
        key_cache.connect()
        revocation.connect()
        api_keys.connect()
