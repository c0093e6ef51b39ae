"""Which side an app's tables are on: the control plane's, the tenants', or both."""

from __future__ import annotations

from enum import Enum
from functools import cache

from django.apps import apps
from django.core.signals import setting_changed

from tenants.conf import tenancy
from tenants.context import TenantInfo


class Scope(Enum):
    """Where the tables of an app are. The value is the wording for messages."""

    SHARED = "the control plane (schema public)"
    TENANT = "the tenants' schemas"
    COMMON = "the control plane and every tenant's schema"
    UNKNOWN = "no schema: its app is in none of SHARED_APPS, TENANT_APPS and COMMON_APPS"

    def holds(self, tenant: TenantInfo) -> bool:
        """Tell whether apps of this scope have tables where `tenant` looks."""
        if self is Scope.COMMON:
            return True
        return self is (Scope.SHARED if tenant.is_platform else Scope.TENANT)


@cache
def _scopes() -> dict[str, Scope]:
    config = tenancy()
    named = {
        **dict.fromkeys(config.shared_apps, Scope.SHARED),
        **dict.fromkeys(config.tenant_apps, Scope.TENANT),
        **dict.fromkeys(config.common_apps, Scope.COMMON),
    }
    return {app.label: named.get(app.name, Scope.UNKNOWN) for app in apps.get_app_configs()}


def scope_of(app_label: str) -> Scope:
    """Return where the tables of an app are."""
    return _scopes().get(app_label, Scope.UNKNOWN)


def labels_for(tenant: TenantInfo) -> frozenset[str]:
    """Return the labels of the apps that have tables where `tenant` looks."""
    return labels_of_platform() if tenant.is_platform else labels_of_variant(tenant.variant)


def known_variants() -> frozenset[str]:
    """Return the variants that a tenant can have."""
    return frozenset({"default"})


def labels_of_platform() -> frozenset[str]:
    """Return the labels of the apps that have tables in the control plane."""
    return _labels(Scope.SHARED)


def labels_of_variant(variant: str) -> frozenset[str]:
    """Return the labels of the apps that have tables in the schemas of tenants of `variant`."""
    return _labels(Scope.TENANT)


def _labels(side: Scope) -> frozenset[str]:
    return frozenset(label for label, scope in _scopes().items() if scope in {side, Scope.COMMON})


def _reload(*, setting: str, **_: object) -> None:
    if setting in {"TENANTS", "INSTALLED_APPS"}:
        _scopes.cache_clear()


setting_changed.connect(_reload, dispatch_uid="tenants.scopes")
