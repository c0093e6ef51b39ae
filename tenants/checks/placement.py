"""Checks of app placements, foreign keys between schemas, and variants."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as CheckWarning

from tenants.isolation.app_placement import Placement, describe_placement, placement_of
from tenants.variants.discovery import variants
from tenants.variants.labels import children_of, variant_of
from tenants.variants.overrides import read_variant

TENANT_OWNED_APPS = ("contenttypes", "sessions", "sites")
"""Labels of apps that must have tables in each tenant's schema, if they are installed."""
USERS_APPS = ("auth", "axes", "otp_totp", "otp_static")
"""Labels of apps that must have them too, unless all users are operators."""


@register(Tags.models)
def check_placements(**_: Any) -> Iterable[CheckMessage]:
    for config in apps.get_app_configs():
        models = list(config.get_models())
        if models and placement_of(config.label) is Placement.UNKNOWN:
            yield Error(
                f"The app {config.name} has models, but TENANTS does not say where its tables are.",
                hint="Add it to TENANTS: SHARED_APPS, TENANT_APPS or COMMON_APPS.",
                obj=config,
                id="tenants.E005",
            )
        for model in models:
            yield from _crossing_keys(model)


def _crossing_keys(model: Any) -> Iterable[CheckMessage]:
    for field in model._meta.local_fields + model._meta.local_many_to_many:
        if not field.related_model or isinstance(field.related_model, str):
            continue  # no relation, or a missing model, which Django's own checks report
        label = field.related_model._meta.app_label
        if not _always_together(model._meta.app_label, label):
            yield Error(
                f"{field} points from {describe_placement(model._meta.app_label)} to {describe_placement(label)}.",
                hint="A foreign key cannot cross schemas. Store the id, or a copy of the values that you need.",
                obj=field,
                id="tenants.E006",
            )


def _always_together(label: str, related: str) -> bool:
    """Return whether each schema with tables of `label` has those of `related` too."""
    here, there = placement_of(label), placement_of(related)
    if there is Placement.VARIANT or (here is Placement.VARIANT and there is Placement.TENANT):
        return here is Placement.VARIANT and variant_of(related) in {"", variant_of(label)}
    return there in {here, Placement.COMMON}


@register(Tags.models)
def check_variants(**_: Any) -> Iterable[CheckMessage]:
    for variant in variants().values():
        if not apps.is_installed(variant.app):
            yield Error(
                f"The variant {variant.name!r} is in {variant.folder}, but its app is not in INSTALLED_APPS.",
                hint="Add `*variant_apps(TENANTS['VARIANTS'])`, from tenants.variants.",
                id="tenants.E007",
            )
            continue
        for problem in (*read_variant(variant)[1], *_children_outside_tenants(variant.name)):
            yield Error(f"The variant {variant.name!r} is invalid. {problem}", id="tenants.E008")


def invalid_variants() -> set[str]:
    return {name for name, variant in variants().items() if read_variant(variant)[1]}


def _children_outside_tenants(variant: str) -> Iterable[str]:
    """Yield errors of models whose parent has a table in the control plane too, such as users."""
    for child, parent, _ in children_of(variant):
        if placement_of(parent._meta.app_label) is not Placement.TENANT:
            yield (
                f"The model {child._meta.label} is a child of {parent._meta.label}, whose app is not in TENANT_APPS. "
                f"Give it a OneToOneField to {parent.__name__} instead."
            )


@register(Tags.models)
def check_django_apps(**_: Any) -> Iterable[CheckMessage]:
    owned = TENANT_OWNED_APPS if _users_are_operators() else (*TENANT_OWNED_APPS, *USERS_APPS)
    for label in owned:
        if placement_of(label) is Placement.SHARED:
            yield Error(
                f"The tables of {apps.get_app_config(label).name} are only in the control plane.",
                hint="Move it from SHARED_APPS to COMMON_APPS: users, permissions and sessions belong to one tenant.",
                id="tenants.E009",
            )
    if _users_are_operators():
        yield CheckWarning(
            f"The tables of {settings.AUTH_USER_MODEL} are only in the control plane: no user can sign in at a "
            f"tenant's host.",
            hint="Move the app from SHARED_APPS to COMMON_APPS. If only operators sign in, silence this check.",
            id="tenants.W007",
        )
    if placement_of("tenants") is not Placement.SHARED:
        yield Error(
            "The app tenants is not in SHARED_APPS.",
            hint="Add it: no tenant may have the control plane's tables.",
            id="tenants.E010",
        )


def _users_are_operators() -> bool:
    """Return whether the table of users is in the control plane alone."""
    return placement_of(settings.AUTH_USER_MODEL.partition(".")[0]) is Placement.SHARED
