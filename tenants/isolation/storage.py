"""File storage with a folder for each tenant, for `STORAGES`."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.core.exceptions import SuspiciousFileOperation
from django.core.files.storage import FileSystemStorage
from django.urls import get_script_prefix

from tenants.context import current_tenant


class TenantFileSystemStorage(FileSystemStorage):
    """Keeps files below `MEDIA_ROOT/<schema>/`; no name leads out of that folder."""

    # Django caches these three on the instance, of which a process has one.
    @property
    def base_location(self) -> str:
        return str(Path(settings.MEDIA_ROOT) / current_tenant().schema)

    @property
    def location(self) -> str:
        return str(Path(self.base_location).absolute())

    @property
    def base_url(self) -> str:
        # A tenant under a path prefix has its files under that prefix as well.
        return get_script_prefix().rstrip("/") + settings.MEDIA_URL

    def path(self, name: str) -> str:
        """Return the path of a file; raise `SuspiciousFileOperation` if it is outside the folder, by a link too."""
        path: str = super().path(name)
        if not Path(path).resolve().is_relative_to(Path(self.location).resolve()):
            raise SuspiciousFileOperation(f"{name!r} leads out of the tenant's folder")
        return path
