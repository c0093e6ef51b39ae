"""Templates: a tenant's variant is looked into first, and may extend the default of the same name."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from django.core.signals import setting_changed
from django.template.engine import Engine
from django.template.loaders import cached, filesystem
from django.template.utils import get_app_template_dirs

from tenants.context import active_tenant
from tenants.variants.discovery import DEFAULT, variants

_FOLDER = "templates"


class Loader(cached.Loader):
    """Finds a template in the active tenant's variant, else in `DIRS`, else in the apps; once for each variant.

    For `TEMPLATES[…]["OPTIONS"]["loaders"]`, in the place of `APP_DIRS`.
    """

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine, [f"{__name__}.FolderLoader"])

    def cache_key(self, template_name: str, skip: Any = None) -> str:
        """Return the key of a template: the same name is another template in another variant."""
        return f"{_variant()}:{super().cache_key(template_name, skip)}"

    def get_dirs(self) -> Iterator[Path | str]:
        """Yield every folder that anybody's templates can be in, which `runserver` watches."""
        yield from (folder for variant in variants() for folder in _own_folder(variant))
        yield from super().get_dirs()


class FolderLoader(filesystem.Loader):
    """Finds templates in folders, which are other ones for each variant."""

    def get_dirs(self) -> list[Path | str]:
        """Return the folders in which the active tenant's templates can be."""
        return [*_own_folder(_variant()), *self.engine.dirs, *_folders_of_apps()]


def _variant() -> str:
    tenant = active_tenant()
    return DEFAULT if tenant is None else tenant.variant


def _own_folder(variant: str) -> list[Path]:
    return [variants()[variant].folder / _FOLDER] if variant in variants() else []


@cache
def _folders_of_apps() -> tuple[Path, ...]:
    of_variants = {folder for variant in variants() for folder in _own_folder(variant)}
    return tuple(folder for folder in map(Path, get_app_template_dirs(_FOLDER)) if folder not in of_variants)


def _reload(*, setting: str, **_: object) -> None:
    if setting in {"TENANTS", "INSTALLED_APPS"}:
        _folders_of_apps.cache_clear()


setting_changed.connect(_reload, dispatch_uid="tenants.variants.templates")
