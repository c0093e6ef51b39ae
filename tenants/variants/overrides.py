"""What a variant replaces, found by reading its rooms; whatever is wrong with it is said then, and not in a request."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType
from typing import Any

from django.apps import AppConfig, apps
from django.core.signals import setting_changed

from tenants.conf import tenancy
from tenants.errors import InvalidVariant
from tenants.variants.discovery import DEFAULT, Variant, check_known, variants
from tenants.variants.validation import disagreements

ROOMS_OF_CLASSES = ("models", "schemas", "admin")
ROOMS_OF_MODULES = ("services",)
ROOMS = (*ROOMS_OF_CLASSES, *ROOMS_OF_MODULES)


@cache
def overrides_of(variant: str) -> dict[str, Any]:
    """Return what a variant has in the place of defaults, by name; raise `UnknownVariant` or `InvalidVariant`."""
    check_known(variant)
    if variant == DEFAULT:
        return {}
    found, problems = read_variant(variants()[variant])
    if problems:
        raise InvalidVariant(variant, problems)
    return found


def load_variants() -> None:
    """Read all variants, so that none is read in the middle of a request; raise `InvalidVariant`."""
    for variant in variants():
        overrides_of(variant)


def read_variant(variant: Variant) -> tuple[dict[str, Any], list[str]]:
    """Return what a variant replaces, and what is wrong with it, in words that name file and name."""
    found: dict[str, Any] = {}
    problems = list(_strange_rooms(variant))
    for room in ROOMS:
        try:
            module = _import(f"{variant.app}.{room}")
            pairs = _classes(module, room) if room in ROOMS_OF_CLASSES else _modules(module, room)
            for name, default, override in pairs:
                found[name] = override
                problems += (f"{_file(override)}: {one}" for one in disagreements(default, override))
        except _Broken as error:
            problems.append(str(error))
    return found, problems


class _Broken(Exception):
    """Something in a room stands for nothing, or cannot be imported."""


def _strange_rooms(variant: Variant) -> Iterator[str]:
    for entry in iter_modules([str(variant.folder)]):
        near = get_close_matches(entry.name, ROOMS, n=1, cutoff=0.8)
        if near and entry.name not in ROOMS:
            yield f"{variant.folder / entry.name}: {entry.name!r} is no room. Did you mean {near[0]!r}?"


def _import(name: str) -> ModuleType | None:
    """Return a module, or None if there is none of that name."""
    if find_spec(name) is None:
        return None
    try:
        return import_module(name)
    except Exception as error:  # whatever the file does when it is imported
        spec = find_spec(name)
        where = (spec and spec.origin) or name
        raise _Broken(f"{where}: cannot be imported: {type(error).__name__}: {error}") from error


def _classes(module: ModuleType | None, room: str) -> Iterator[tuple[str, type, type]]:
    for name, thing in list(vars(module).items()) if module else ():
        if isinstance(thing, type) and not name.startswith("_") and _is_from(thing, module):
            default = _default_base(thing, room)
            if default is not None:
                label, base = default
                if base.__name__ != name:
                    raise _Broken(
                        f"{_file(thing)}: the class {name} is a child of {base.__module__}.{base.__name__}, and so "
                        f"takes its place. Call it {base.__name__}, or {'_' + name} if it shall not."
                    )
                yield f"{label}.{room}.{name}", base, thing
            elif other := _default_called(name, room):
                raise _Broken(
                    f"{_file(thing)}: the class {name} is called like {other}, and is no child of it. "
                    f"Let it inherit from that, or call it something else."
                )


def _modules(package: ModuleType | None, room: str) -> Iterator[tuple[str, ModuleType, ModuleType]]:
    if package is None:
        return
    if not hasattr(package, "__path__"):
        raise _Broken(f"{package.__file__}: {room} is a folder with a module for each default that is replaced.")
    for entry in iter_modules(package.__path__):
        if entry.name.startswith("_"):
            continue
        module = _import(f"{package.__name__}.{entry.name}")
        defaults = [label for label, config in _default_apps() if _has(config, room, entry.name)]
        if len(defaults) != 1 or module is None:
            raise _Broken(f"{package.__path__[0]}/{entry.name}.py: {_not_one(defaults, room, entry.name)}")
        default = import_module(f"{apps.get_app_config(defaults[0]).name}.{room}.{entry.name}")
        yield f"{defaults[0]}.{room}.{entry.name}", default, module


def _not_one(defaults: list[str], room: str, name: str) -> str:
    if defaults:
        return f"{' and '.join(defaults)} both have {room}.{name}. Rename one of them."
    there = [entry.name for _, config in _default_apps() for entry in _inside(config, room)]
    near = get_close_matches(name, there, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else f" Those that there are: {', '.join(sorted(there)) or 'none'}."
    return f"{name!r} takes the place of nothing: no app has {room}.{name}.{hint} A module of its own begins with '_'."


def _default_apps() -> Iterator[tuple[str, AppConfig]]:
    of_variants = {variant.app for variant in variants().values()}
    for config in apps.get_app_configs():
        if config.name not in of_variants:
            yield config.label, config


def _inside(config: AppConfig, room: str) -> Iterator[Any]:
    folder = Path(config.path) / room
    return iter_modules([str(folder)]) if (folder / "__init__.py").exists() else iter(())


def _has(config: AppConfig, room: str, name: str) -> bool:
    return any(entry.name == name for entry in _inside(config, room))


def _default_base(thing: type, room: str) -> tuple[str, type] | None:
    """Return the nearest default that a class inherits from, with the label of its app."""
    homes = {f"{config.name}.{room}": label for label, config in _default_apps()}
    for base in thing.__mro__[1:]:
        for home, label in homes.items():
            if base.__module__ == home or base.__module__.startswith(f"{home}."):
                return label, base
    return None


def _default_called(name: str, room: str) -> str:
    """Return the full name of a default class called `name` in an app whose tables are the tenants', or nothing."""
    for _, config in _default_apps():
        module = f"{config.name}.{room}"
        if config.name in tenancy().tenant_apps and find_spec(module):
            there = getattr(import_module(module), name, None)
            if isinstance(there, type) and there.__module__.startswith(module):
                return f"{module}.{name}"
    return ""


def _is_from(thing: type, module: ModuleType | None) -> bool:
    home = module.__name__ if module else ""
    return thing.__module__ == home or thing.__module__.startswith(f"{home}.")


def _file(thing: Any) -> str:
    module = thing if isinstance(thing, ModuleType) else import_module(thing.__module__)
    return str(module.__file__)


def _reload(*, setting: str, **_: object) -> None:
    if setting in {"TENANTS", "INSTALLED_APPS"}:
        overrides_of.cache_clear()


setting_changed.connect(_reload, dispatch_uid="tenants.variants.overrides")
