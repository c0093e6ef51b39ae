"""Where tables are: an app without a place, a foreign key that would cross schemas, a variant that is broken."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.apps import apps
from django.core.checks import CheckMessage, Error, Tags, register

from tenants.isolation.app_placement import Placement, describe_placement, placement_of
from tenants.variants.discovery import variants
from tenants.variants.labels import children_of, variant_of
from tenants.variants.overrides import read_variant

OF_EACH_TENANT = ("auth", "contenttypes", "sessions", "sites", "axes", "otp_totp", "otp_static")
"""Apps that a tenant has tables of its own of, where they are installed."""


@register(Tags.models)
def check_scopes(**_: Any) -> Iterable[CheckMessage]:
    """Find apps whose tables nobody has said a place for, and foreign keys that would cross schemas."""
    for config in apps.get_app_configs():
        models = list(config.get_models())
        if models and placement_of(config.label) is Placement.UNKNOWN:
            yield Error(
                f"The app {config.name} has models, and no place for their tables.",
                hint="Name it in TENANTS: SHARED_APPS, TENANT_APPS or COMMON_APPS.",
                obj=config,
                id="tenants.E005",
            )
        for model in models:
            yield from _crossing_keys(model)


def _crossing_keys(model: Any) -> Iterable[CheckMessage]:
    for field in model._meta.local_fields + model._meta.local_many_to_many:
        if not field.related_model or isinstance(field.related_model, str):
            continue  # no relation, or one to a model that is missing, which Django's own checks say
        label = field.related_model._meta.app_label
        if not _stands_beside(model._meta.app_label, label):
            yield Error(
                f"{field} points from {describe_placement(model._meta.app_label)} to {describe_placement(label)}.",
                hint="No foreign key crosses schemas. Keep the id, or a copy of what is needed, instead.",
                obj=field,
                id="tenants.E006",
            )


def _stands_beside(label: str, related: str) -> bool:
    """Tell whether wherever `label` has tables, `related` has them too."""
    here, there = placement_of(label), placement_of(related)
    if there is Placement.VARIANT or (here is Placement.VARIANT and there is Placement.TENANT):
        return here is Placement.VARIANT and variant_of(related) in {"", variant_of(label)}
    return there in {here, Placement.COMMON}


@register(Tags.models)
def check_variants(**_: Any) -> Iterable[CheckMessage]:
    """Find variants that are not installed, and what is wrong with those that are."""
    for variant in variants().values():
        if not apps.is_installed(variant.app):
            yield Error(
                f"The variant {variant.name!r} is in {variant.folder}, and its app is not in INSTALLED_APPS.",
                hint="Add `*variant_apps(TENANTS['VARIANTS'])`, from tenants.variants.",
                id="tenants.E007",
            )
            continue
        for problem in (*read_variant(variant)[1], *_children_of_what_all_have(variant.name)):
            yield Error(f"The variant {variant.name!r} is broken. {problem}", id="tenants.E008")


def broken_variants() -> set[str]:
    """Return the variants that `check_variants` has something to say about."""
    return {name for name, variant in variants().items() if read_variant(variant)[1]}


def _children_of_what_all_have(variant: str) -> Iterable[str]:
    """Find children of models of which the control plane has a table too, such as users."""
    for child, parent, _ in children_of(variant):
        if placement_of(parent._meta.app_label) is not Placement.TENANT:
            yield (
                f"The model {child._meta.label} is a child of {parent._meta.label}, which is not the tenants' alone. "
                f"Give it a OneToOneField to {parent.__name__} instead."
            )


@register(Tags.models)
def check_places_of_django(**_: Any) -> Iterable[CheckMessage]:
    """Find apps of Django's whose rows all tenants would share, and the engine in a place that is not its own."""
    for label in OF_EACH_TENANT:
        if placement_of(label) is Placement.SHARED:
            yield Error(
                f"The tables of {apps.get_app_config(label).name} are in the control plane alone.",
                hint="Move it from SHARED_APPS to COMMON_APPS: users, rights and sessions are each tenant's own.",
                id="tenants.E009",
            )
    if placement_of("tenants") is not Placement.SHARED:
        yield Error(
            "The app tenants is not in SHARED_APPS.",
            hint="Put it there: no tenant may have the control plane's tables.",
            id="tenants.E010",
        )
