"""The scopes that a tenant has: `goods:read` and `goods:write` for each of its apps with permissions, and OpenID's."""

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
    "openid": _("Know that it is you"),
    "profile": _("See your name"),
    "email": _("See your e-mail address"),
}
"""Scopes that tell a client who somebody is, and give it no rights."""
INTROSPECTION = "introspection"
"""Lets a client ask about tokens that others were given, as a gateway has to."""

_OWN = "oauth"
"""This app, about which no program is told anything."""
_NAMES = {"auth": _("Users and groups")}
"""How an app is called, where its own name would tell people nothing."""


class TenantScopes(BaseScopes):
    """What django-oauth-toolkit asks about scopes."""

    def get_all_scopes(self) -> dict[str, Any]:
        """Return every scope, with what people read when a client asks for it."""
        return {**OPENID, **api_scopes(), INTROSPECTION: _("Ask whether tokens are good")}

    def get_available_scopes(self, application: Any = None, request: Any = None, *_: Any, **__: Any) -> list[str]:
        """Return what a client may ask for at most; without one, every scope."""
        known = self.get_all_scopes()
        return list(known) if application is None else [one for one in application.scope_list if one in known]

    def get_default_scopes(self, application: Any = None, request: Any = None, *_: Any, **__: Any) -> list[str]:
        """Return what a client gets that asks for nothing by name: all that it may."""
        return self.get_available_scopes(application, request)


def api_scopes() -> dict[str, Any]:
    """Return the scopes of the active tenant's API: to see, and to change, what each of its apps has."""
    return _scopes_of(variant_app_labels(current_tenant().variant))


@lru_cache(maxsize=64)
def _scopes_of(labels: frozenset[str]) -> dict[str, Any]:
    scopes = {}
    for config in sorted(apps.get_app_configs(), key=lambda config: config.label):
        # Of what every Django project has, users and groups alone are a shop's matter.
        is_shops = config.label in _NAMES or (config.label != _OWN and placement_of(config.label) is Placement.TENANT)
        if is_shops and config.label in labels and any(config.get_models()):
            what = _NAMES.get(config.label, config.verbose_name)
            scopes[f"{config.label}:read"] = format_lazy(_("See: {what}"), what=what)
            scopes[f"{config.label}:write"] = format_lazy(_("Change: {what}"), what=what)
    return scopes


def sorted_scopes(scopes: Iterable[str]) -> list[str]:
    """Return scopes in the order in which people read them."""
    order = {scope: number for number, scope in enumerate(TenantScopes().get_all_scopes())}
    return sorted(scopes, key=lambda scope: (order.get(scope, len(order)), scope))
