"""Media files of a tenant in Django's default storage."""

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
    """Yield the names of all files of the active tenant, sorted within each folder."""
    with suppress(FileNotFoundError):  # no file yet, or a folder was deleted since
        folders, names = default_storage.listdir(folder)
        prefix = f"{folder}/" if folder else ""
        yield from (prefix + name for name in sorted(names))
        for inner in sorted(folders):
            yield from file_names(prefix + inner)


def copy_files(source: TenantInfo, target: TenantInfo, progress: Progress) -> None:
    """Copy the files of `source`, except those deleted meanwhile, to `target`."""
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
    """Save a file of the active tenant under exactly this name, because rows refer to it; raise `FileExistsError`."""
    saved = default_storage.save(name, File(stream, name))
    if saved != name:
        default_storage.delete(saved)
        raise FileExistsError(f"the file {name!r} exists, so the storage has saved it as {saved!r}")


def check_no_files(tenant: TenantInfo) -> None:
    """Raise `FileExistsError` if the folder of a new tenant contains files, perhaps from another database."""
    with use_tenant(tenant):
        if next(file_names(), None) is not None:
            raise FileExistsError(
                f"the media folder {tenant.schema} contains files that belong to no tenant. Move them away, or run "
                f"`manage.py reconcile_tenants --drop-orphans`."
            )


def remove_files(tenant: TenantInfo) -> None:
    if isinstance(default_storage, TenantFileSystemStorage):
        with use_tenant(tenant):
            shutil.rmtree(Path(default_storage.location), ignore_errors=True)


def remove_orphaned_files(tenant: TenantInfo) -> None:
    """Remove the files of a tenant whose creation failed, unless it exists.

    It can exist: the connection may have been lost during the commit. Without a database, `reconcile_tenants` removes
    the files later.
    """
    with suppress(DatabaseError):
        if is_orphaned(tenant.id):
            remove_files(tenant)
