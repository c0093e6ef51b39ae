"""Which apps are variants, and which of their models are children of models that everybody has."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.core.signals import setting_changed

from tenants.variants.discovery import variants

if TYPE_CHECKING:
    from django.db.models import Model


def variant_of(app_label: str) -> str:
    """Return the variant that an app is; empty if it is none."""
    return _by_label().get(app_label, "")


def label_of(variant: str) -> str:
    """Return the label of the variant's app; empty for the default."""
    return next((label for label, name in _by_label().items() if name == variant), "")


@cache
def _by_label() -> dict[str, str]:
    names = {variant.app: variant.name for variant in variants().values()}
    return {app.label: names[app.name] for app in apps.get_app_configs() if app.name in names}


def parents_of(model: type[Model]) -> Iterator[tuple[type[Model], Any]]:
    """Yield each model that everybody has and of which `model` is a variant's child, with the link to it."""
    if not variant_of(model._meta.app_label) or model._meta.proxy:
        return
    for parent, link in model._meta.parents.items():
        if link is not None and parent._meta.app_label != model._meta.app_label:
            yield parent, link


def default_of(model: type[Model]) -> type[Model]:
    """Return the model that everybody has in whose place a variant's stands; any other model is its own."""
    return next((parent for parent, _ in parents_of(model)), model)


def whole_row_of(model: type[Model]) -> tuple[str, ...]:
    """Return what to lock of a row, for `select_for_update(of=…)`: of a variant's child its parent's part as well."""
    return ("self", *(link.name for _, link in parents_of(model)))


def children_of(variant: str) -> Iterator[tuple[type[Model], type[Model], Any]]:
    """Yield each of the variant's models that is a child, with its parent and the link to that."""
    label = label_of(variant)
    for model in apps.get_app_config(label).get_models() if label else ():
        for parent, link in parents_of(model):
            yield model, parent, link


def _reload(*, setting: str, **_: object) -> None:
    if setting in {"TENANTS", "INSTALLED_APPS"}:
        _by_label.cache_clear()


setting_changed.connect(_reload, dispatch_uid="tenants.variants.labels")
