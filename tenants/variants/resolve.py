"""Which class or module the active tenant has under a name: one look into a dictionary."""

from __future__ import annotations

from difflib import get_close_matches
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from django.apps import apps
from django.core.signals import setting_changed

from tenants.context import current_tenant
from tenants.errors import VariantLookupError
from tenants.variants.overrides import CLASS_MODULES, overrides_of

# What was found, by variant and name. Only ever added to, with the same answer whoever adds it.
_resolved: dict[tuple[str, str], Any] = {}


def resolve(name: str) -> Any:
    """Return what the active tenant has as `name`: `app.room.Name`, such as `goods.models.Goods`.

    That is a class, or for `goods.services.pricing` a module; the tenant's variant's, else the default. Raises
    `NoActiveTenant`, `VariantLookupError` for a name that there is not, or `UnknownVariant`.
    """
    return resolve_for(current_tenant().variant, name)


def resolve_for(variant: str, name: str) -> Any:
    """Return what tenants of `variant` have as `name`; for what is made once for each variant, before any request."""
    try:
        return _resolved[variant, name]
    except KeyError:
        found = overrides_of(variant).get(name)
        _resolved[variant, name] = found = _default(name) if found is None else found
        return found


def resolve_class_for(variant: str, default: type) -> type:
    """Return what tenants of `variant` have in the place of a class; one that is in no app's room is its own."""
    for config in apps.get_app_configs():
        room = default.__module__.removeprefix(f"{config.name}.")
        if room in CLASS_MODULES:
            found: type = resolve_for(variant, f"{config.label}.{room}.{default.__name__}")
            return found
    return default


def _default(name: str) -> Any:
    there, last = _room_of(name)
    found = getattr(there, last, None)
    if found is None and hasattr(there, "__path__") and find_spec(f"{there.__name__}.{last}"):
        found = import_module(f"{there.__name__}.{last}")
    if not isinstance(found, (type, ModuleType)):
        raise VariantLookupError(name, f"{there.__name__} has no class or module {last!r}{_nearest(last, there)}")
    return found


def _room_of(name: str) -> tuple[ModuleType, str]:
    """Return the default's room, and what is asked for of it."""
    parts = name.split(".")
    if len(parts) != 3:
        raise VariantLookupError(name, "a name has three parts, as in 'goods.models.Goods'")
    label, room, last = parts
    try:
        module = f"{apps.get_app_config(label).name}.{room}"
    except LookupError:
        raise VariantLookupError(name, f"there is no app with the label {label!r}") from None
    if find_spec(module) is None:
        raise VariantLookupError(name, f"the app {label!r} has no {room}")
    return import_module(module), last


def _nearest(name: str, module: ModuleType) -> str:
    near = get_close_matches(name, [other for other in vars(module) if not other.startswith("_")], n=1)
    return f", but {near[0]!r}" if near else ""


def _reload(*, setting: str, **_: object) -> None:
    if setting in {"TENANTS", "INSTALLED_APPS"}:
        _resolved.clear()


setting_changed.connect(_reload, dispatch_uid="tenants.variants.resolve")
