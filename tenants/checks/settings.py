"""Checks of middleware, database engine, router, URLconf and admin."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as CheckWarning
from django.core.exceptions import ImproperlyConfigured
from django.db.utils import load_backend
from django.utils.module_loading import import_string

from tenants.checks.placement import invalid_variants
from tenants.conf import check_all_settings, tenancy
from tenants.errors import InvalidVariant, TenancyError
from tenants.isolation.app_placement import Placement, placement_of
from tenants.isolation.patches.admin import GUARD
from tenants.isolation.urlconfs import import_urlconfs, views_of
from tenants.postgresql.base import DatabaseWrapper

MIDDLEWARE = "tenants.http.middleware.TenantMiddleware"
ROUTER = "tenants.isolation.router.TenantRouter"
ENGINE = "tenants.postgresql"
_LOCALE = "django.middleware.locale.LocaleMiddleware"


@register(Tags.compatibility)
def check_settings(**_: Any) -> Iterable[CheckMessage]:
    check_all_settings()
    if not settings.MIDDLEWARE or settings.MIDDLEWARE[0] != MIDDLEWARE:
        yield Error(
            f"{MIDDLEWARE} is not first in MIDDLEWARE.",
            hint="Move it to the first place: middleware before it runs without a tenant.",
            id="tenants.E001",
        )
    if not _is_tenant_engine(settings.DATABASES["default"]["ENGINE"]):
        yield Error(
            "The default database does not use our engine.", hint=f"Set ENGINE to {ENGINE!r}.", id="tenants.E002"
        )
    if ROUTER not in settings.DATABASE_ROUTERS:
        yield Error(f"{ROUTER} is not in DATABASE_ROUTERS.", hint="Add it.", id="tenants.E003")
    if not tenancy().tenant_urlconf:
        yield Error(
            "TENANTS['TENANT_URLCONF'] is missing.", hint="Set it to the URLconf of tenants' hosts.", id="tenants.E004"
        )
    if _LOCALE in settings.MIDDLEWARE:
        yield CheckWarning(
            f"{_LOCALE} ignores the tenants' languages.",
            hint="Use tenants.http.locale.TenantLocaleMiddleware instead.",
            id="tenants.W001",
        )


@register(Tags.urls)
def check_middleware(**_: Any) -> Iterable[CheckMessage]:
    for name in settings.MIDDLEWARE:
        try:
            import_string(name)
        except (ImportError, RuntimeError) as error:  # RuntimeError: models of an app that is not installed
            yield Error(
                f"MIDDLEWARE has {name}, which cannot be imported: {error}",
                hint="Correct the name, install the missing package, or add the app to INSTALLED_APPS.",
                id="tenants.E032",
            )


@register(Tags.compatibility)
def check_databases(**_: Any) -> Iterable[CheckMessage]:
    for alias, database in settings.DATABASES.items():
        if "search_path" in str(database.get("OPTIONS", {}).get("options", "")):
            yield Error(
                f"DATABASES[{alias!r}] sets a search_path for its connections.",
                hint="Remove it from OPTIONS['options']: a statement without a tenant must find no tables.",
                id="tenants.E011",
            )
        if alias != "default" and not _is_tenant_engine(database["ENGINE"]):
            yield CheckWarning(
                f"Queries to the database {alias!r} carry no tenant.",
                hint=f"Set its ENGINE to {ENGINE!r}. If it has no tenants' data, silence this check.",
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
    urlconf = tenancy().tenant_urlconf
    if not urlconf:
        return
    try:
        import_urlconfs()
    except InvalidVariant as error:
        if error.variant not in invalid_variants():  # else check_variants reports it
            yield Error(str(error), id="tenants.E008")
        return
    except TenancyError:
        return  # raised at start-up already
    models = {view.model_admin.model for _, view in views_of(urlconf) if _shows_control_plane(view)}
    for model in sorted(models, key=str):
        yield Error(
            f"An admin in {urlconf} shows {model._meta.label}, a model of the control plane.",
            hint="Register it with Django's own admin.site, which hides it from tenants, or with a site of the "
            "platform's.",
            id="tenants.E012",
        )


def _shows_control_plane(view: Any) -> bool:
    """Return whether a view is of a model of the control plane, in a site that a project has made for tenants.

    Django's own site is for both sides: a guard hides the models of the other one.
    """
    model_admin = getattr(view, "model_admin", None)
    if model_admin is None or placement_of(model_admin.model._meta.app_label) is not Placement.SHARED:
        return False
    from django.contrib.admin import site  # installed, since a view is of it

    return not (site == model_admin.admin_site and hasattr(view, GUARD))
