"""Overrides of a variant: the default classes and modules that its own replace. Errors are found at start-up."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType
from typing import Any

from django.apps import AppConfig, apps

from tenants.conf import tenancy
from tenants.errors import InvalidVariant
from tenants.settings_cache import cached_from
from tenants.variants.discovery import DEFAULT, Variant, check_known, variants
from tenants.variants.validation import override_errors

CLASS_MODULES = ("models", "schemas", "admin")
"""Modules of an app whose classes a variant can replace."""
MODULE_PACKAGES = ("services",)
"""Packages of an app whose modules a variant can replace."""
OVERRIDABLE_MODULES = (*CLASS_MODULES, *MODULE_PACKAGES)


@cached_from("TENANTS", "INSTALLED_APPS")
def overrides_of(variant: str) -> dict[str, Any]:
    """Return what a variant has instead of defaults, by name; raise `UnknownVariant` or `InvalidVariant`."""
    check_known(variant)
    if variant == DEFAULT:
        return {}
    found, errors = read_variant(variants()[variant])
    if errors:
        raise InvalidVariant(variant, errors)
    return found


def load_variants() -> None:
    """Read all variants before the first request; raise `InvalidVariant`."""
    for variant in variants():
        overrides_of(variant)


def read_variant(variant: Variant) -> tuple[dict[str, Any], list[str]]:
    """Return the overrides of a variant by name, and its errors in words, with file and name."""
    found: dict[str, Any] = {}
    errors = list(_misspelled_modules(variant))
    for place in OVERRIDABLE_MODULES:
        try:
            module = _import(f"{variant.app}.{place}")
            pairs = _class_overrides(module, place) if place in CLASS_MODULES else _module_overrides(module, place)
            for name, default, override in pairs:
                found[name] = override
                errors += (f"{_file_of(override)}: {error}" for error in override_errors(default, override))
        except _InvalidModule as error:
            errors.append(str(error))
    return found, errors


class _InvalidModule(Exception):
    """A module of a variant cannot be imported or replaces nothing."""


def _misspelled_modules(variant: Variant) -> Iterator[str]:
    for entry in iter_modules([str(variant.folder)]):
        near = get_close_matches(entry.name, OVERRIDABLE_MODULES, n=1, cutoff=0.8)
        if near and entry.name not in OVERRIDABLE_MODULES:
            yield f"{variant.folder / entry.name}: {entry.name!r} overrides nothing. Did you mean {near[0]!r}?"


def _import(name: str) -> ModuleType | None:
    """Return a module; None if it does not exist."""
    if find_spec(name) is None:
        return None
    try:
        return import_module(name)
    except Exception as error:  # of any kind, from the variant's code
        spec = find_spec(name)
        where = (spec and spec.origin) or name
        raise _InvalidModule(f"{where}: cannot be imported: {type(error).__name__}: {error}") from error


def _class_overrides(module: ModuleType | None, place: str) -> Iterator[tuple[str, type, type]]:
    for name, cls in list(vars(module).items()) if module else ():
        if isinstance(cls, type) and not name.startswith("_") and _is_from(cls, module):
            default = _default_base(cls, place)
            if default is not None:
                label, base = default
                if base.__name__ != name:
                    raise _InvalidModule(
                        f"{_file_of(cls)}: the class {name} is a child of {base.__module__}.{base.__name__} and "
                        f"replaces it. Rename it to {base.__name__}, or to {'_' + name} if it must not replace it."
                    )
                yield f"{label}.{place}.{name}", base, cls
            elif other := _default_named(name, place):
                raise _InvalidModule(
                    f"{_file_of(cls)}: the class {name} has the name of {other}, but is not a child of it. "
                    f"Inherit from it, or rename the class."
                )


def _module_overrides(package: ModuleType | None, place: str) -> Iterator[tuple[str, ModuleType, ModuleType]]:
    if package is None:
        return
    if not hasattr(package, "__path__"):
        raise _InvalidModule(
            f"{package.__file__}: {place} has to be a package with a module for each default that it replaces."
        )
    for entry in iter_modules(package.__path__):
        if entry.name.startswith("_"):
            continue
        module = _import(f"{package.__name__}.{entry.name}")
        defaults = [label for label, config in _default_apps() if _has(config, place, entry.name)]
        if len(defaults) != 1 or module is None:
            raise _InvalidModule(f"{package.__path__[0]}/{entry.name}.py: {_not_one(defaults, place, entry.name)}")
        default = import_module(f"{apps.get_app_config(defaults[0]).name}.{place}.{entry.name}")
        yield f"{defaults[0]}.{place}.{entry.name}", default, module


def _not_one(defaults: list[str], place: str, name: str) -> str:
    if defaults:
        return f"{' and '.join(defaults)} both have {place}.{name}. Rename one of them."
    existing = [entry.name for _, config in _default_apps() for entry in _modules_in(config, place)]
    near = get_close_matches(name, existing, n=1)
    hint = f"Did you mean {near[0]!r}?" if near else f"Existing modules: {', '.join(sorted(existing)) or 'none'}."
    return f"{name!r} overrides nothing: no app has {place}.{name}. {hint} Other modules begin with '_'."


def _default_apps() -> Iterator[tuple[str, AppConfig]]:
    of_variants = {variant.app for variant in variants().values()}
    for config in apps.get_app_configs():
        if config.name not in of_variants:
            yield config.label, config


def _modules_in(config: AppConfig, package: str) -> Iterator[Any]:
    folder = Path(config.path) / package
    return iter_modules([str(folder)]) if (folder / "__init__.py").exists() else iter(())


def _has(config: AppConfig, package: str, name: str) -> bool:
    return any(entry.name == name for entry in _modules_in(config, package))


def _default_base(cls: type, place: str) -> tuple[str, type] | None:
    """Return the nearest default that a class inherits from, with the label of its app."""
    modules = {f"{config.name}.{place}": label for label, config in _default_apps()}
    for base in cls.__mro__[1:]:
        for module, label in modules.items():
            if base.__module__ == module or base.__module__.startswith(f"{module}."):
                return label, base
    return None


def _default_named(name: str, place: str) -> str:
    """Return the full name of a class called `name` in an app of TENANT_APPS; empty if there is none."""
    for _, config in _default_apps():
        module = f"{config.name}.{place}"
        if config.name in tenancy().tenant_apps and find_spec(module):
            cls = getattr(import_module(module), name, None)
            if isinstance(cls, type) and cls.__module__.startswith(module):
                return f"{module}.{name}"
    return ""


def _is_from(cls: type, module: ModuleType | None) -> bool:
    name = module.__name__ if module else ""
    return cls.__module__ == name or cls.__module__.startswith(f"{name}.")


def _file_of(override: Any) -> str:
    module = override if isinstance(override, ModuleType) else import_module(override.__module__)
    return str(module.__file__)
