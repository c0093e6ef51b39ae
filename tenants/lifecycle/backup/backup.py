"""Backup of one tenant to one file."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import IO

import django
from django.core.files.storage import default_storage
from django.db import connection
from django.utils import timezone

from tenants.context import TenantInfo, use_tenant
from tenants.errors import OperationFailed
from tenants.lifecycle import audit
from tenants.lifecycle.backup.archive import DUMP, MEDIA, ArchiveWriter, atomic_write
from tenants.lifecycle.backup.copy_rows import count_rows
from tenants.lifecycle.backup.manifest import Facts, Manifest, Versions
from tenants.lifecycle.backup.pg_programs import (
    exact_server_version,
    find_program,
    major_version,
    role_arguments,
    run_program,
    server_version,
)
from tenants.lifecycle.excluded_tables import excluded_tables
from tenants.lifecycle.files import file_names
from tenants.lifecycle.locking import TenantRef, describe, wrap_errors
from tenants.lifecycle.progress import Progress
from tenants.lifecycle.replace import LIMITS
from tenants.lifecycle.snapshot import tenant_snapshot
from tenants.migrator.history import SchemaHistory
from tenants.migrator.restored import leaf_migrations
from tenants.models import Domain, Tenant
from tenants.postgresql.dependencies import Extension, dependencies_of
from tenants.variants.discovery import known_variants

_NAMED = 10
"""How many unmet dependencies the error names."""
_FACTS = [field.name for field in fields(Facts)]


def backup_tenant(slug: TenantRef, file: Path | str, *, progress: Progress = lambda done, total: None) -> Path:
    """Back a tenant up to `file` and return its path; an existing file is replaced when the new one is complete.

    The file contains a snapshot of the schema, the media files and a manifest with checksums. Everything is streamed,
    so memory use is small. Only its owner can read the file, which contains personal data and password hashes. The
    shop stays open; a suspended tenant can be backed up too. Rows of the models in `TENANTS["CLONE_LEAVES_OUT"]` are
    excluded. A schema that depends on objects of another schema, other than extensions, is refused: it could not be
    restored.

    Raises `TenantNotFound`, `TenantLocked` if the tenant is being migrated, `ProgramFailed` or `OperationFailed`.
    """
    path = Path(file)
    with wrap_errors(f"Backing up {describe(slug)}"), tenant_snapshot(slug) as tenant:
        with atomic_write(path, tenant.slug) as out:
            _write(out, tenant, progress)
        audit.record("backup", tenant, file=str(path), bytes=path.stat().st_size)
    return path


def _write(out: IO[bytes], tenant: TenantInfo, progress: Progress) -> None:
    archive = ArchiveWriter(out)
    extensions = _extensions(tenant)
    pg_dump = find_program("pg_dump", at_least=server_version())
    with run_program(pg_dump, *_dump_arguments(tenant)) as dump:
        archive.add(DUMP, dump)
    _add_files(archive, tenant, progress)
    archive.finish(_manifest(tenant, archive, extensions, major_version(pg_dump)))


def _extensions(tenant: TenantInfo) -> list[Extension]:
    """Return the extensions that a restore needs; raise `OperationFailed` if the schema could not be restored."""
    with use_tenant(tenant.as_owner()):
        needs = dependencies_of(tenant.schema)
    if needs.unmet:
        raise OperationFailed(
            f"Backing up tenant {tenant.slug!r}",
            f"a backup contains one schema, so this could not be restored: {'; '.join(needs.unmet[:_NAMED])}. "
            f"Move these objects into the tenant's schema or remove the dependency, then try again.",
        )
    return list(needs.extensions)


def _dump_arguments(tenant: TenantInfo) -> list[str]:
    # pg_dump sees the same snapshot, so that rows and manifest match.
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_export_snapshot()")
        (snapshot,) = cursor.fetchone()
    without = [f'--exclude-table-data="{tenant.schema}"."{table}"' for table in excluded_tables()]
    options = ["--format=custom", f"--schema={tenant.schema}", f"--snapshot={snapshot}", "--encoding=UTF8"]
    return [*options, *without, "--no-owner", "--no-acl", "--no-tablespaces", *role_arguments()]


def _add_files(archive: ArchiveWriter, tenant: TenantInfo, progress: Progress) -> None:
    with use_tenant(tenant):
        names = list(file_names())
        for done, name in enumerate(names, start=1):
            progress(done, len(names) + 1)
            with suppress(FileNotFoundError):  # deleted since the listing
                stream: IO[bytes] = default_storage.open(name)
                with stream:
                    archive.add(MEDIA + name, stream)


def _manifest(tenant: TenantInfo, archive: ArchiveWriter, extensions: list[Extension], pg_dump: int) -> Manifest:
    without = excluded_tables()
    history = SchemaHistory.read(tenant)
    return Manifest(
        made_at=timezone.now().isoformat(timespec="seconds"),
        tenant=Facts(**{name: getattr(tenant, name) for name in _FACTS}),
        domains=dict(Domain.objects.filter(tenant=tenant.id).values_list("host", "is_primary")),
        schema=tenant.schema,
        fingerprint=history.fingerprint if tenant.variant in known_variants() else "",
        heads=[f"{app}.{name}" for app, name in leaf_migrations(history.applied)],
        versions=Versions(postgresql=exact_server_version(), pg_dump=pg_dump, django=django.get_version()),
        rows={table: 0 if table in without else count for table, count in count_rows(tenant.schema).items()},
        members=archive.members,
        extensions=extensions,
        limits=Tenant.objects.values(*LIMITS).get(pk=tenant.id),
    )
