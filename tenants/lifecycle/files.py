"""The files of a tenant, wherever Django's default storage keeps them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO

from django.core.files.base import File
from django.core.files.storage import default_storage
from django.db import DatabaseError

from tenants.context import TenantInfo, use_tenant
from tenants.isolation.storage import TenantFileSystemStorage
from tenants.lifecycle.locking import is_orphaned
from tenants.lifecycle.progress import Progress


def file_names(folder: str = "") -> Iterator[str]:
    """Yield the names of all files of the active tenant, in alphabetical order, folder by folder."""
    with suppress(FileNotFoundError):  # it never had a file, or a folder went in the meantime
        folders, names = default_storage.listdir(folder)
        prefix = f"{folder}/" if folder else ""
        yield from (prefix + name for name in sorted(names))
        for inner in sorted(folders):
            yield from file_names(prefix + inner)


def copy_files(source: TenantInfo, target: TenantInfo, progress: Progress) -> None:
    """Give `target` a copy of every file of `source`; one that goes in the meantime is left out."""
    with use_tenant(source):
        names = list(file_names())
    for done, name in enumerate(names):
        progress(done, len(names))
        with suppress(FileNotFoundError):
            with use_tenant(source):
                file = default_storage.open(name)
            with file, use_tenant(target):
                save_file(name, file)


def save_file(name: str, stream: IO[bytes]) -> None:
    """Save a file of the active tenant under just that name, as rows refer to it.

    Raises `FileExistsError` if the name is taken, where a storage would choose another one.
    """
    saved = default_storage.save(name, File(stream, name))
    if saved != name:
        default_storage.delete(saved)
        raise FileExistsError(f"the file {name!r} can only be kept as {saved!r}")


def check_no_files(tenant: TenantInfo) -> None:
    """Raise `FileExistsError` if a new tenant would find files that another one left, perhaps of another database."""
    with use_tenant(tenant):
        if next(file_names(), None) is not None:
            raise FileExistsError(
                f"there are files already in the folder {tenant.schema} of the media, which belong to no tenant here. "
                f"Look into it, and move them away or run `manage.py reconcile_tenants --drop-orphans`."
            )


def remove_files(tenant: TenantInfo) -> None:
    """Remove all files of a tenant."""
    if isinstance(default_storage, TenantFileSystemStorage):
        with use_tenant(tenant):
            shutil.rmtree(Path(default_storage.location), ignore_errors=True)


def remove_orphaned_files(tenant: TenantInfo) -> None:
    """Remove the files of a tenant whose making was given up; a tenant that is there after all keeps them.

    It is, if the connection broke while its transaction was committed. Where that cannot be found out now,
    `reconcile_tenants` does it later.
    """
    with suppress(DatabaseError):
        if is_orphaned(tenant.id):
            remove_files(tenant)
