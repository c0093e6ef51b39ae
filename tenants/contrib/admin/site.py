"""The admin site of the platform's host."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.templatetags.static import static
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext_lazy as _
from unfold.dataclasses import Favicon

from tenants.contrib.accounts.admin_site import AccountsSite
from tenants.contrib.admin.dashboard import dashboard

# Permission, app, model, title and icon.
_SIDEBAR = (
    ("tenants.view_tenant", "tenants", "tenant", _("Tenants"), "storefront"),
    ("tenants.view_domain", "tenants", "domain", _("Domains"), "language"),
    ("tenants_services.view_service", "tenants_services", "service", _("Services"), "hub"),
    ("tenants.change_tenant", "tenants", "operation", _("Operations"), "pending_actions"),
    ("tenants_api.view_apiusage", "tenants_api", "apiusage", _("API usage"), "monitoring"),
    ("tenants.view_auditevent", "tenants", "auditevent", _("Audit log"), "history"),
    ("auth.view_group", "auth", "group", _("Operator groups"), "groups"),
)


def _sidebar() -> list[tuple[str, str, str, Any, str]]:
    users = get_user_model()._meta
    operators = (f"{users.app_label}.view_{users.model_name}", users.app_label, users.model_name or "")
    return [*_SIDEBAR[:-1], (*operators, _("Operators"), "badge"), _SIDEBAR[-1]]


# The terracotta of the platform's pages (tenants/static/tenants/pages.css).
_PRIMARY = {
    "50": "oklch(97.5% .013 45)",
    "100": "oklch(94.5% .03 45)",
    "200": "oklch(89% .06 44)",
    "300": "oklch(81% .1 43)",
    "400": "oklch(72% .14 42)",
    "500": "oklch(65% .155 41)",
    "600": "oklch(52% .145 40)",
    "700": "oklch(46% .13 39)",
    "800": "oklch(40% .11 38)",
    "900": "oklch(35% .09 38)",
    "950": "oklch(25% .065 38)",
}


class PlatformAdminSite(AccountsSite):
    site_title = "Sangga"
    site_header = "Sangga"
    index_title = _("Overview")
    index_template = "tenants/admin/index.html"
    # Unfold reads a site's appearance from this setting. `each_context` sets it, so a project has nothing to configure.
    settings_name = "UNFOLD_PLATFORM"

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        context: dict[str, Any] = super().each_context(request)
        return context | {
            "site_title": self.site_title,
            "site_header": self.site_header,
            "site_subheader": _("Platform admin"),
            "site_symbol": "apartment",
            "site_favicons": [Favicon(href=static("tenants/icon.svg"), rel="icon", type="image/svg+xml")],
            "show_languages": _has_language_switch(),
            "colors": context["colors"] | {"primary": _PRIMARY},
            "styles": [static("tenants/accounts.css"), static("tenants/admin.css")],
        }

    def get_sidebar_list(self, request: HttpRequest) -> list[dict[str, Any]]:
        index = reverse("admin:index")
        items = [_entry(index, _("Dashboard"), "dashboard", active=request.path == index)]
        for permission, app, model, title, icon in _sidebar():
            if app in apps.app_configs and request.user.has_perm(permission):
                url = reverse(f"admin:{app}_{model}_changelist")
                items.append(_entry(url, title, icon, active=request.path.startswith(url)))
        return [{"title": None, "items": items}]

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        figures = dashboard() if request.user.has_perm("tenants.view_tenant") else {}
        response: TemplateResponse = super().index(request, {**figures, **(extra_context or {})})
        return response


def _entry(url: str, title: Any, icon: str, *, active: bool) -> dict[str, Any]:
    return {"title": title, "icon": icon, "link": url, "active": active, "has_permission": True}


def _has_language_switch() -> bool:
    """Tell whether the platform's URLconf includes `django.conf.urls.i18n`."""
    try:
        return bool(reverse("set_language"))
    except NoReverseMatch:
        return False


platform_site = PlatformAdminSite(name="admin")
