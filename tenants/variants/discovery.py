"""Discovery of variants: the folders of one package. Settings may import it, since it needs no apps."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from tenants.conf import tenancy
from tenants.errors import ConfigurationError, UnknownVariant
from tenants.settings_cache import cached_from

DEFAULT = "default"
"""The variant of tenants that have only the defaults."""

_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")


@dataclass(frozen=True, slots=True)
class Variant:
    name: str
    app: str
    """Its entry in `INSTALLED_APPS`."""
    folder: Path


def variant_apps(package: str) -> list[str]:
    """Return the entries of all variants in `package` for `INSTALLED_APPS`; raise `ConfigurationError`."""
    return [variant.app for variant in _variants_in(package)]


@cached_from("TENANTS")
def variants() -> dict[str, Variant]:
    """Return all variants by name, without the default."""
    package = tenancy().variants
    return {variant.name: variant for variant in _variants_in(package)} if package else {}


@cached_from("TENANTS")
def known_variants() -> frozenset[str]:
    """Return the names of all variants, with the default."""
    return frozenset({DEFAULT, *variants()})


def check_known(variant: str) -> None:
    """Raise `UnknownVariant` for a name without a folder."""
    if variant != DEFAULT and variant not in variants():
        raise UnknownVariant(variant, sorted(known_variants()))


def _variants_in(package: str) -> Iterator[Variant]:
    for folder in sorted(_folder_of(package).iterdir()):
        # The folder of a deleted variant may still have its `__pycache__`.
        if not folder.is_dir() or folder.name.startswith(("_", ".")) or not any(folder.rglob("*.py")):
            continue
        if not _NAME.fullmatch(folder.name) or folder.name == DEFAULT:
            raise ConfigurationError(
                f"{folder} cannot be a variant: its name may have lower-case letters, digits and underscores, must "
                f"begin with a letter, and must not be {DEFAULT!r}. Rename the folder."
            )
        if not (folder / "__init__.py").exists():
            raise ConfigurationError(f"{folder} cannot be a variant: it is not a package. Add an empty __init__.py.")
        yield Variant(folder.name, f"{package}.{folder.name}", folder)


def _folder_of(package: str) -> Path:
    try:
        spec = find_spec(package)
    except ModuleNotFoundError:
        spec = None
    if spec is None or not spec.submodule_search_locations:
        raise ConfigurationError(f"TENANTS['VARIANTS'] is {package!r}, which is not a package. Correct the name.")
    return Path(next(iter(spec.submodule_search_locations)))
