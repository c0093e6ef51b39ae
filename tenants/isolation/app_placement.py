"""Where the tables of an app are: in the control plane, in the tenants' schemas, or in both."""

from __future__ import annotations

from enum import Enum

from django.apps import AppConfig, apps

from tenants.conf import tenancy
from tenants.context import TenantInfo, innermost
from tenants.settings_cache import cached_from, on_setting_change
from tenants.variants.discovery import check_known, variants
from tenants.variants.labels import label_of, variant_of

_SETTINGS = ("TENANTS", "INSTALLED_APPS")


class Placement(Enum):
    """Where the tables of an app are. The values are the words for messages."""

    SHARED = "the control plane (schema public)"
    TENANT = "the tenants' schemas"
    COMMON = "the control plane and every tenant's schema"
    VARIANT = "the schemas of one variant's tenants"
    UNKNOWN = "no schema: its app is in none of SHARED_APPS, TENANT_APPS and COMMON_APPS"


@cached_from(*_SETTINGS)
def _placements() -> dict[str, Placement]:
    config = tenancy()
    named = {
        **{variant.app: Placement.VARIANT for variant in variants().values()},
        **dict.fromkeys(config.shared_apps, Placement.SHARED),
        **dict.fromkeys(config.tenant_apps, Placement.TENANT),
        **dict.fromkeys(config.common_apps, Placement.COMMON),
    }
    return {
        app.label: named.get(app.name) or named.get(_config_path(app), Placement.UNKNOWN)
        for app in apps.get_app_configs()
    }


def _config_path(app: AppConfig) -> str:
    return f"{type(app).__module__}.{type(app).__qualname__}"


def placement_of(app_label: str) -> Placement:
    return _placements().get(app_label, Placement.UNKNOWN)


def describe_placement(app_label: str) -> str:
    """Return the placement of an app in words for messages."""
    variant = variant_of(app_label)
    return f"the schemas of tenants of the variant {variant!r}" if variant else placement_of(app_label).value


def is_installed_for(app_label: str, tenant: TenantInfo) -> bool:
    """Return whether an app has tables in the tenant's schema; raise `UnknownVariant`."""
    return app_label in app_labels_for(tenant)


def app_labels_for(tenant: TenantInfo) -> frozenset[str]:
    """Return the labels of the apps with tables in the tenant's schema; raise `UnknownVariant`."""
    return platform_app_labels() if tenant.is_platform else variant_app_labels(tenant.variant)


@cached_from(*_SETTINGS)
def platform_app_labels() -> frozenset[str]:
    return _labels(Placement.SHARED)


@cached_from(*_SETTINGS)
def variant_app_labels(variant: str) -> frozenset[str]:
    """Return the labels of the apps with tables in the schemas of a variant's tenants; raise `UnknownVariant`."""
    check_known(variant)
    return _labels(Placement.TENANT).union({label_of(variant)} - {""})


def _labels(side: Placement) -> frozenset[str]:
    return frozenset(label for label, placement in _placements().items() if placement in {side, Placement.COMMON})


def _clear_labels() -> None:
    block = innermost.get()
    while block is not None:
        block.labels, block = None, block.outer


on_setting_change(_clear_labels, *_SETTINGS)
