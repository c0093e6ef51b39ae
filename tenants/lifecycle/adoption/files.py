"""Files of an adopted tenant: hard links to those in its old folder, which stays as it is."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from django.conf import settings
from django.core.files.storage import default_storage

from tenants.context import TenantInfo, use_tenant
from tenants.errors import AdoptionRefused
from tenants.isolation.storage import TenantFileSystemStorage
from tenants.lifecycle.adoption.catalog_findings import name_findings
from tenants.lifecycle.adoption.findings import Finding
from tenants.lifecycle.files import save_file

DEFAULT_PATTERN = "%s"

_OF_ENGINE = re.compile(r"t_\d+|public")


def folder_of(schema: str, pattern: str) -> Path:
    """Return the old folder of a schema's files: `pattern` below MEDIA_ROOT, with the schema in the place of `%s`.

    Without `%s` the schema's name is the last part, as in django-tenants.
    """
    relative = pattern.replace("%s", schema) if "%s" in pattern else str(Path(pattern) / schema)
    return Path(settings.MEDIA_ROOT) / relative


def link_findings(folders: Iterable[tuple[str, Path]]) -> Iterator[Finding]:
    """Yield the schemas with symbolic links to outside of their folder, which can be to another tenant's files."""
    for schema, folder in folders:
        if not any(name_findings(schema)) and (link := _link_to_outside(folder)):
            yield Finding(schema, *_facts(link))


def _facts(link: Path) -> tuple[str, str]:
    what = f"the symbolic link {link} leads out of the folder of its files"
    return what, "Replace it by the files it points to, or delete it."


def _link_to_outside(folder: Path) -> Path | None:
    root = folder.resolve()
    return next((link for link in _links_below(folder) if not link.resolve().is_relative_to(root)), None)


def take_files(tenant: TenantInfo, folder: Path) -> int:
    """Give a tenant the files below `folder`, and return their number. Without a folder there are none.

    Links need no space and no time. Where the file system has none, and in another storage, the files are copied.
    Raises `AdoptionRefused` if a symbolic link leads out of the folder.
    """
    if link := _link_to_outside(folder):
        raise AdoptionRefused(*_facts(link))
    files = list(_files_below(folder))
    with use_tenant(tenant):
        for file in files:
            name = file.relative_to(folder).as_posix()
            if isinstance(default_storage, TenantFileSystemStorage):
                _link(file, Path(default_storage.location) / name)
            else:
                with file.open("rb") as stream:
                    save_file(name, stream)
    return len(files)


def _files_below(folder: Path) -> Iterator[Path]:
    for where, _, names in _walk(folder):
        yield from (where / name for name in sorted(names))


def _links_below(folder: Path) -> Iterator[Path]:
    for where, folders, names in _walk(folder):
        yield from (path for path in (where / name for name in sorted([*folders, *names])) if path.is_symlink())


def _walk(folder: Path) -> Iterator[tuple[Path, list[str], list[str]]]:
    for where, folders, names in os.walk(folder):
        if Path(where) == Path(settings.MEDIA_ROOT):  # of a project without tenants; those of others are not its own
            folders[:] = [name for name in folders if not _OF_ENGINE.fullmatch(name)]
        yield Path(where), folders, names


def _link(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source.resolve(), target)
    except OSError:
        shutil.copy2(source, target)
