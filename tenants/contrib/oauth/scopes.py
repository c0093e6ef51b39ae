"""Scopes of a tenant: `goods:read` and `goods:write` for each app with models, and those of OpenID Connect."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from django.apps import apps
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from oauth2_provider.scopes import BaseScopes

from tenants.context import current_tenant
from tenants.isolation.app_placement import Placement, placement_of, variant_app_labels

OPENID = {
    "openid": _("Confirm who you are"),
    "profile": _("View your name"),
    "email": _("View your email address"),
}
"""Scopes that identify the user and give no permissions."""
INTROSPECTION = "introspection"
"""Lets a client introspect tokens of other clients, as a gateway must."""

_EXCLUDED = "oauth"
"""This app, to which no scope gives access."""
_NAMES = {"auth": _("Users and groups")}
"""Labels for apps whose own name says too little."""


class TenantScopes(BaseScopes):
    """`SCOPES_BACKEND_CLASS` of django-oauth-toolkit."""

    def get_all_scopes(self) -> dict[str, Any]:
        """Return all scopes with the labels that users read when they give consent."""
        return {**OPENID, **api_scopes(), INTROSPECTION: _("Verify tokens")}

    def get_available_scopes(self, application: Any = None, request: Any = None, *_: Any, **__: Any) -> list[str]:
        """Return the scopes that a client may request; without a client, all."""
        known = self.get_all_scopes()
        return list(known) if application is None else [one for one in application.scope_list if one in known]

    def get_default_scopes(self, application: Any = None, request: Any = None, *_: Any, **__: Any) -> list[str]:
        """Return the scopes of a request without `scope`: all that the client may request."""
        return self.get_available_scopes(application, request)


def api_scopes() -> dict[str, Any]:
    """Return the scopes of the active tenant's API, two for each app."""
    return _scopes_of(variant_app_labels(current_tenant().variant))


@lru_cache(maxsize=64)
def _scopes_of(labels: frozenset[str]) -> dict[str, Any]:
    scopes = {}
    for config in sorted(apps.get_app_configs(), key=lambda config: config.label):
        # Of Django's own apps, only `auth` has scopes.
        has_scopes = config.label in _NAMES or (
            config.label != _EXCLUDED and placement_of(config.label) is Placement.TENANT
        )
        if has_scopes and config.label in labels and any(config.get_models()):
            name = _NAMES.get(config.label, config.verbose_name)
            scopes[f"{config.label}:read"] = format_lazy(_("View: {what}"), what=name)
            scopes[f"{config.label}:write"] = format_lazy(_("Change: {what}"), what=name)
    return scopes


def sorted_scopes(scopes: Iterable[str]) -> list[str]:
    """Return scopes in the order of `get_all_scopes`."""
    order = {scope: number for number, scope in enumerate(TenantScopes().get_all_scopes())}
    return sorted(scopes, key=lambda scope: (order.get(scope, len(order)), scope))
