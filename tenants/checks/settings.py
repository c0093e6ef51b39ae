"""What every request, query and migration passes through: middleware, engine, router, URLconf, admin."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as CheckWarning
from django.core.exceptions import ImproperlyConfigured
from django.db.utils import load_backend

from tenants.checks.placement import broken_variants
from tenants.conf import tenancy
from tenants.errors import InvalidVariant, TenancyError
from tenants.isolation.app_placement import Placement, placement_of
from tenants.isolation.urlconfs import import_urlconfs, views_of
from tenants.postgresql.base import DatabaseWrapper

MIDDLEWARE = "tenants.http.middleware.TenantMiddleware"
ROUTER = "tenants.isolation.router.TenantRouter"
ENGINE = "tenants.postgresql"
DOOR = "tenants.contrib.services.middleware.ServiceDoorMiddleware"
_LOCALE = "django.middleware.locale.LocaleMiddleware"


@register(Tags.compatibility)
def check_wiring(**_: Any) -> Iterable[CheckMessage]:
    """Find settings that would let a request, a query or a migration pass without its tenant."""
    if not settings.MIDDLEWARE or settings.MIDDLEWARE[0] != MIDDLEWARE:
        yield Error(
            f"{MIDDLEWARE} is not the first in MIDDLEWARE.",
            hint="Put it first: what stands before it runs without a tenant.",
            id="tenants.E001",
        )
    if tenancy().service not in {"all", "gateway"} and DOOR not in settings.MIDDLEWARE:
        yield Error(
            f"This process is the service {tenancy().service!r}, and {DOOR} is not in MIDDLEWARE.",
            hint="Add it below TenantMiddleware: without it anybody gets in past the gateway.",
            id="tenants.E024",
        )
    if not _is_tenant_engine(settings.DATABASES["default"]["ENGINE"]):
        yield Error("The default database has another engine.", hint=f"Set ENGINE to {ENGINE!r}.", id="tenants.E002")
    if ROUTER not in settings.DATABASE_ROUTERS:
        yield Error(f"{ROUTER} is not in DATABASE_ROUTERS.", hint="Add it.", id="tenants.E003")
    if not tenancy().tenant_urlconf:
        yield Error("TENANTS has no TENANT_URLCONF.", hint="Name the URLconf of tenant hosts.", id="tenants.E004")
    if _LOCALE in settings.MIDDLEWARE:
        yield CheckWarning(
            f"{_LOCALE} does not know the tenants' languages.",
            hint="Put tenants.http.locale.TenantLocaleMiddleware in its place.",
            id="tenants.W001",
        )


@register(Tags.compatibility)
def check_databases(**_: Any) -> Iterable[CheckMessage]:
    """Find a search path that would be there before the tenant's, and databases whose queries know no tenant."""
    for alias, database in settings.DATABASES.items():
        if "search_path" in str(database.get("OPTIONS", {}).get("options", "")):
            yield Error(
                f"DATABASES[{alias!r}] sets a search_path for its connections.",
                hint="Take it out of OPTIONS['options']: a statement that has lost its tenant has to find nothing.",
                id="tenants.E011",
            )
        if alias != "default" and not _is_tenant_engine(database["ENGINE"]):
            yield CheckWarning(
                f"Queries to the database {alias!r} know no tenant.",
                hint=f"Use {ENGINE!r} for it as well, unless nothing of a tenant's is in it; then silence this.",
                id="tenants.W002",
            )


def _is_tenant_engine(engine: str) -> bool:
    """Return whether a database engine is ours, or one that extends it."""
    try:
        return issubclass(load_backend(engine).DatabaseWrapper, DatabaseWrapper)
    except ImproperlyConfigured:
        return False


@register(Tags.urls)
def check_admins(**_: Any) -> Iterable[CheckMessage]:
    """Find control-plane models in an admin of tenants' hosts."""
    urlconf = tenancy().tenant_urlconf
    if not urlconf:
        return
    try:
        import_urlconfs()
    except InvalidVariant as error:
        if error.variant not in broken_variants():  # else a check of its own says so
            yield Error(str(error), id="tenants.E008")
        return
    except TenancyError:
        return  # what imports said it when the process was started
    models = {getattr(view, "model_admin", None) and view.model_admin.model for _, view in views_of(urlconf)}
    for model in sorted(filter(None, models), key=str):
        if placement_of(model._meta.app_label) is Placement.SHARED:
            yield Error(
                f"An admin in {urlconf} shows {model._meta.label}, which is the control plane's.",
                hint="Register it with the platform's own AdminSite, such as tenants.contrib.admin.site.platform_site.",
                id="tenants.E012",
            )
