"""The shop's admin: goods, orders, customers and staff of the active shop, without the platform's tables."""

from __future__ import annotations

from functools import cache, partial
from typing import Any

from django.contrib.auth.models import Group, User
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from unfold.sites import UnfoldAdminSite

from shop.staff_admin import StaffAdmin, StaffGroupAdmin
from shop.variant_admin import VariantSite
from tenants import current_tenant
from tenants.contrib.accounts.admin_site import AccountsSite
from tenants.contrib.oauth.admin import AccessTokenAdmin, ApiKeyAdmin, ClientAdmin, SigningKeyAdmin
from tenants.contrib.oauth.models import AccessToken, ApiKey, Application, SigningKey
from tenants.variants import DEFAULT, children_of, resolve_for


class ShopAdminSite(AccountsSite):
    """The admin for staff of a shop. The platform's URLconf does not include it."""

    settings_name = "UNFOLD_SHOP"
    index_title = _("Dashboard")
    index_template = "orders/dashboard.html"


shop_site = ShopAdminSite(name="admin")
shop_site.register(User, StaffAdmin)
shop_site.register(Group, StaffGroupAdmin)
shop_site.register(Application, ClientAdmin)
shop_site.register(AccessToken, AccessTokenAdmin)
shop_site.register(ApiKey, ApiKeyAdmin)
shop_site.register(SigningKey, SigningKeyAdmin)


@cache
def site_for(variant: str) -> UnfoldAdminSite:
    if variant == DEFAULT:
        return shop_site
    children = {parent: child for child, parent, _ in children_of(variant)}
    return VariantSite(shop_site, children, partial(resolve_for, variant))


def shop_name(request: HttpRequest) -> str:
    return current_tenant().name


def storefront_url(request: HttpRequest) -> str:
    return reverse("storefront:goods_list")


def icon_url(request: HttpRequest) -> str:
    return static("storefront/icon.svg")


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    groups = [
        (
            _("Shop"),
            [
                {"title": _("Dashboard"), "icon": "dashboard", "link": reverse("admin:index")},
                _entry(request, "orders", "order", _("Orders"), "receipt_long"),
                _entry(request, "goods", "goods", _("Products"), "sell"),
                _entry(request, "goods", "sku", _("Stock"), "inventory_2"),
                _entry(request, "goods", "category", _("Categories"), "category"),
                _entry(request, "customers", "customer", _("Customers"), "group"),
            ],
        ),
        (
            _("Staff"),
            [
                _entry(request, "auth", "user", _("Users"), "badge"),
                _entry(request, "auth", "group", _("Groups"), "groups"),
            ],
        ),
        (
            _("Developers"),
            [
                _entry(request, "oauth", "application", _("Clients"), "apps"),
                _entry(request, "oauth", "accesstoken", _("Access tokens"), "login", for_all=True),
                _entry(request, "oauth", "apikey", _("API keys"), "key", for_all=True),
                _entry(request, "oauth", "signingkey", _("Signing keys"), "signature"),
            ],
        ),
    ]
    return [
        {"title": title, "separator": True, "items": shown}
        for title, entries in groups
        if (shown := [entry for entry in entries if entry])
    ]


def _entry(
    request: HttpRequest, app: str, model: str, title: Any, icon: str, *, for_all: bool = False
) -> dict[str, Any] | None:
    if not for_all and not request.user.has_perm(f"{app}.view_{model}"):
        return None
    return {"title": title, "icon": icon, "link": reverse(f"admin:{app}_{model}_changelist")}
