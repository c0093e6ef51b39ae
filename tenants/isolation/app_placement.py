"""Which side an app's tables are on: the control plane's, the tenants', or both."""

from __future__ import annotations

from enum import Enum
from functools import cache

from django.apps import AppConfig, apps
from django.core.signals import setting_changed

from tenants.conf import tenancy
from tenants.context import TenantInfo, innermost
from tenants.variants.discovery import check_known, variants
from tenants.variants.labels import label_of, variant_of


class Scope(Enum):
    """Where the tables of an app are. The value is the wording for messages."""

    SHARED = "the control plane (schema public)"
    TENANT = "the tenants' schemas"
    COMMON = "the control plane and every tenant's schema"
    VARIANT = "the schemas of one variant's tenants"
    UNKNOWN = "no schema: its app is in none of SHARED_APPS, TENANT_APPS and COMMON_APPS"


@cache
def _scopes() -> dict[str, Scope]:
    config = tenancy()
    named = {
        **{variant.app: Scope.VARIANT for variant in variants().values()},
        **dict.fromkeys(config.shared_apps, Scope.SHARED),
        **dict.fromkeys(config.tenant_apps, Scope.TENANT),
        **dict.fromkeys(config.common_apps, Scope.COMMON),
    }
    return {app.label: named.get(app.name) or named.get(_path_of(app), Scope.UNKNOWN) for app in apps.get_app_configs()}


def _path_of(app: AppConfig) -> str:
    """Return how an app is named whose configuration is not the one that Django finds by itself."""
    return f"{type(app).__module__}.{type(app).__qualname__}"


def scope_of(app_label: str) -> Scope:
    """Return where the tables of an app are."""
    return _scopes().get(app_label, Scope.UNKNOWN)


def has_tables(app_label: str, tenant: TenantInfo) -> bool:
    """Tell whether an app has tables where `tenant` looks; raise `UnknownVariant`."""
    return app_label in labels_for(tenant)


def home_of(app_label: str) -> str:
    """Return where the tables of an app are, in words for messages."""
    variant = variant_of(app_label)
    return f"the schemas of tenants of the variant {variant!r}" if variant else scope_of(app_label).value


def labels_for(tenant: TenantInfo) -> frozenset[str]:
    """Return the labels of the apps that have tables where `tenant` looks; raise `UnknownVariant`."""
    return labels_of_platform() if tenant.is_platform else labels_of_variant(tenant.variant)


@cache
def labels_of_platform() -> frozenset[str]:
    """Return the labels of the apps that have tables in the control plane."""
    return _labels(Scope.SHARED)


@cache
def labels_of_variant(variant: str) -> frozenset[str]:
    """Return the labels of the apps that have tables in the schemas of tenants of `variant`; raise `UnknownVariant`."""
    check_known(variant)
    return _labels(Scope.TENANT).union({label_of(variant)} - {""})


def _labels(side: Scope) -> frozenset[str]:
    return frozenset(label for label, scope in _scopes().items() if scope in {side, Scope.COMMON})


def _reload(*, setting: str, **_: object) -> None:
    if setting in {"TENANTS", "INSTALLED_APPS"}:
        for answers in (_scopes, labels_of_platform, labels_of_variant):
            answers.cache_clear()
        block = innermost.get()
        while block is not None:
            block.labels, block = None, block.outer


setting_changed.connect(_reload, dispatch_uid="tenants.isolation.app_placement")
