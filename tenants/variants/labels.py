"""Apps of variants, and their models that are children of default models."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django.apps import apps

from tenants.settings_cache import cached_from
from tenants.variants.discovery import variants

if TYPE_CHECKING:
    from django.db.models import Model


def variant_of(app_label: str) -> str:
    """Return the variant with this app; empty for other apps."""
    return _variant_by_label().get(app_label, "")


def label_of(variant: str) -> str:
    """Return the label of a variant's app; empty for the default."""
    return next((label for label, name in _variant_by_label().items() if name == variant), "")


@cached_from("TENANTS", "INSTALLED_APPS")
def _variant_by_label() -> dict[str, str]:
    names = {variant.app: variant.name for variant in variants().values()}
    return {app.label: names[app.name] for app in apps.get_app_configs() if app.name in names}


def parents_of(model: type[Model]) -> Iterator[tuple[type[Model], Any]]:
    """Yield the default models that a variant's model inherits from, each with the link to it."""
    if not variant_of(model._meta.app_label) or model._meta.proxy:
        return
    for parent, link in model._meta.parents.items():
        if link is not None and parent._meta.app_label != model._meta.app_label:
            yield parent, link


def default_of(model: type[Model]) -> type[Model]:
    """Return the default model that a variant's model replaces; any other model itself."""
    return next((parent for parent, _ in parents_of(model)), model)


def whole_row_of(model: type[Model]) -> tuple[str, ...]:
    """Return the value for `select_for_update(of=…)` that also locks the parent's row of a variant's model."""
    return ("self", *(link.name for _, link in parents_of(model)))


def children_of(variant: str) -> Iterator[tuple[type[Model], type[Model], Any]]:
    """Yield the variant's models with a default parent: the model, its parent and the link to it."""
    label = label_of(variant)
    for model in apps.get_app_config(label).get_models() if label else ():
        for parent, link in parents_of(model):
            yield model, parent, link
