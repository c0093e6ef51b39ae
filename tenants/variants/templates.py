"""Template loader for `TEMPLATES`: it searches the active tenant's variant first.

A variant's template may extend the default of the same name.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.template.engine import Engine
from django.template.loaders import cached, filesystem
from django.template.utils import get_app_template_dirs

from tenants.context import active_tenant
from tenants.settings_cache import cached_from
from tenants.variants.discovery import DEFAULT, variants

_FOLDER = "templates"


class Loader(cached.Loader):
    """A cached loader of the variant, `DIRS` and the apps, in this order. It replaces `APP_DIRS`."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine, [f"{__name__}.FolderLoader"])

    def cache_key(self, template_name: str, skip: Any = None) -> str:
        return f"{_variant()}:{super().cache_key(template_name, skip)}"

    def get_dirs(self) -> Iterator[Path | str]:
        """Yield the folders of all variants too: `runserver` watches them."""
        yield from (folder for variant in variants() for folder in _variant_folder(variant))
        yield from super().get_dirs()


class FolderLoader(filesystem.Loader):
    def get_dirs(self) -> list[Path | str]:
        return [*_variant_folder(_variant()), *self.engine.dirs, *_app_folders()]


def _variant() -> str:
    tenant = active_tenant()
    return DEFAULT if tenant is None else tenant.variant


def _variant_folder(variant: str) -> list[Path]:
    return [variants()[variant].folder / _FOLDER] if variant in variants() else []


@cached_from("TENANTS", "INSTALLED_APPS")
def _app_folders() -> tuple[Path, ...]:
    of_variants = {folder for variant in variants() for folder in _variant_folder(variant)}
    return tuple(folder for folder in map(Path, get_app_template_dirs(_FOLDER)) if folder not in of_variants)
