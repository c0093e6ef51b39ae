"""Which variants there are: the folders of one package. Needs no Django, so that settings can ask."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from django.core.signals import setting_changed

from tenants.conf import tenancy
from tenants.errors import ConfigurationError, UnknownVariant

DEFAULT = "default"
"""The variant of tenants that have what everybody has."""

_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")


@dataclass(frozen=True, slots=True)
class Variant:
    """A variant that the code has."""

    name: str
    app: str
    """Its app, as in `INSTALLED_APPS`."""
    folder: Path


def variant_apps(package: str) -> list[str]:
    """Return the apps of all variants in `package`, for `INSTALLED_APPS`; raise `ConfigurationError`."""
    return [variant.app for variant in _found_in(package)]


@cache
def variants() -> dict[str, Variant]:
    """Return all variants by name, without the default, which is no folder."""
    package = tenancy().variants
    return {variant.name: variant for variant in _found_in(package)} if package else {}


@cache
def known_variants() -> frozenset[str]:
    """Return the names of the variants that a tenant can have."""
    return frozenset({DEFAULT, *variants()})


def check_known(variant: str) -> None:
    """Raise `UnknownVariant` for one that the code does not have."""
    if variant != DEFAULT and variant not in variants():
        raise UnknownVariant(variant, sorted(known_variants()))


def _found_in(package: str) -> Iterator[Variant]:
    for folder in sorted(_folder_of(package).iterdir()):
        # What is left of a variant that was taken away may still have its `__pycache__`.
        if not folder.is_dir() or folder.name.startswith(("_", ".")) or not any(folder.rglob("*.py")):
            continue
        if not _NAME.fullmatch(folder.name) or folder.name == DEFAULT:
            raise ConfigurationError(
                f"{folder} cannot be a variant: its name takes lower-case letters, digits and underscores, "
                f"begins with a letter, and is not {DEFAULT!r}. Rename the folder."
            )
        if not (folder / "__init__.py").exists():
            raise ConfigurationError(f"{folder} is no package, and so no variant. Give it an empty __init__.py.")
        yield Variant(folder.name, f"{package}.{folder.name}", folder)


def _folder_of(package: str) -> Path:
    try:
        spec = find_spec(package)
    except ModuleNotFoundError:
        spec = None
    if spec is None or not spec.submodule_search_locations:
        raise ConfigurationError(f"TENANTS['VARIANTS'] is {package!r}, and there is no such package. Name one.")
    return Path(next(iter(spec.submodule_search_locations)))


def _reload(*, setting: str, **_: object) -> None:
    if setting == "TENANTS":
        variants.cache_clear()
        known_variants.cache_clear()


setting_changed.connect(_reload, dispatch_uid="tenants.variants.discovery")
