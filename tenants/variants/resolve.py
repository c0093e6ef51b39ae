"""The class or module that the active tenant's variant has in place of a default."""

from __future__ import annotations

from difflib import get_close_matches
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any, TypeVar, overload

from django.apps import apps

from tenants.context import current_tenant
from tenants.errors import VariantLookupError
from tenants.settings_cache import on_setting_change
from tenants.variants.overrides import overrides_of

T = TypeVar("T")

# By variant and by what was asked for. Threads that add an entry at the same time add the same one.
_resolved: dict[tuple[str, type | ModuleType | str], Any] = {}


@overload
def resolve(default: type[T]) -> type[T]: ...
@overload
def resolve(default: ModuleType) -> ModuleType: ...
@overload
def resolve(default: str) -> Any: ...
def resolve(default: type[T] | ModuleType | str) -> type[T] | ModuleType | Any:
    """Return what the active tenant's variant has in place of a class or module: `resolve(Goods)`, `resolve(pricing)`.

    Where the default cannot be imported, its name stands for it: `goods.models.Goods`. A class or module that no
    variant can replace is returned as it is. Raises `NoActiveTenant`, `UnknownVariant`, or `VariantLookupError` for an
    unknown name.
    """
    return resolve_for(current_tenant().variant, default)


@overload
def resolve_for(variant: str, default: type[T]) -> type[T]: ...
@overload
def resolve_for(variant: str, default: ModuleType) -> ModuleType: ...
@overload
def resolve_for(variant: str, default: str) -> Any: ...
def resolve_for(variant: str, default: type[T] | ModuleType | str) -> type[T] | ModuleType | Any:
    """Return what tenants of `variant` have in place of a default; for objects built once for each variant."""
    try:
        return _resolved[variant, default]
    except KeyError:
        name = default if isinstance(default, str) else _name_of(default)
        found = overrides_of(variant).get(name)
        if found is None:
            found = _default(name) if isinstance(default, str) else default
        _resolved[variant, default] = found
        return found


def _name_of(default: type | ModuleType) -> str:
    path = default.__name__ if isinstance(default, ModuleType) else f"{default.__module__}.{default.__name__}"
    config = apps.get_containing_app_config(path)
    return path if config is None else f"{config.label}{path.removeprefix(config.name)}"


def _default(name: str) -> Any:
    module, last = _split(name)
    found = getattr(module, last, None)
    if found is None and hasattr(module, "__path__") and find_spec(f"{module.__name__}.{last}"):
        found = import_module(f"{module.__name__}.{last}")
    if not isinstance(found, (type, ModuleType)):
        raise VariantLookupError(name, f"{module.__name__} has no class or module {last!r}{_nearest(last, module)}")
    return found


def _split(name: str) -> tuple[ModuleType, str]:
    """Return the module or package of a default, and the last part of its name."""
    parts = name.split(".")
    if len(parts) != 3:
        raise VariantLookupError(name, "a name has three parts, as in 'goods.models.Goods'")
    label, place, last = parts
    try:
        module = f"{apps.get_app_config(label).name}.{place}"
    except LookupError:
        raise VariantLookupError(name, f"no app has the label {label!r}") from None
    if find_spec(module) is None:
        raise VariantLookupError(name, f"the app {label!r} has no {place}")
    return import_module(module), last


def _nearest(name: str, module: ModuleType) -> str:
    near = get_close_matches(name, [other for other in vars(module) if not other.startswith("_")], n=1)
    return f", but {near[0]!r}" if near else ""


on_setting_change(_resolved.clear, "TENANTS", "INSTALLED_APPS")
