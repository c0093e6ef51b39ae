"""Taking a tenant away, with everything it has."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

from django.core.files.storage import FileSystemStorage, default_storage
from django.db import transaction

from tenants.context import PLATFORM, use_tenant
from tenants.errors import TenantNotFound
from tenants.models import Tenant
from tenants.postgresql import schemas
from tenants.registry import info_of


def delete_tenant(slug: str) -> None:
    """Drop a tenant's rows, schema, role and files; raise `TenantNotFound`. It cannot be undone."""
    with use_tenant(PLATFORM), transaction.atomic():
        tenant = Tenant.objects.select_for_update().filter(slug=slug).first()
        if tenant is None:
            raise TenantNotFound(slug)
        info = info_of(tenant)
        with use_tenant(info):
            folder = Path(default_storage.location) if isinstance(default_storage, FileSystemStorage) else None
        schemas.drop_schema(info)
        tenant.delete()
        if folder:
            # After the commit: files cannot be rolled back.
            transaction.on_commit(partial(shutil.rmtree, folder, ignore_errors=True))
