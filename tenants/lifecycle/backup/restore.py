"""Restoring a tenant from a backup: as a new tenant, or in the place of the old one."""

from __future__ import annotations

import re
from contextlib import ExitStack
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from django.db import connection, transaction

from tenants.conf import tenancy
from tenants.context import PLATFORM, TenantInfo, use_tenant
from tenants.errors import ExtensionRefused, InvalidBackup, InvalidOption, OperationFailed, SchemaExists
from tenants.lifecycle import audit
from tenants.lifecycle.backup.archive import DUMP, MEDIA, Archive, open_archive
from tenants.lifecycle.backup.load_dump import load_rows, send_structure
from tenants.lifecycle.backup.manifest import Manifest
from tenants.lifecycle.backup.pg_programs import find_program, run_program, server_version
from tenants.lifecycle.backup.scratch_database import drop_left_over, renamed_structure
from tenants.lifecycle.create import TenantSpec, insert_tenant, validate_spec
from tenants.lifecycle.excluded_tables import excluded_tables
from tenants.lifecycle.files import check_no_files, remove_orphaned_files, save_file
from tenants.lifecycle.locking import TenantRef, existing_tenant, wrap_errors
from tenants.lifecycle.progress import Progress
from tenants.lifecycle.replace import LIMITS, interim_slug, replace_tenant, restore_domains, restore_limits
from tenants.migrator.history import LOCK_SPACE
from tenants.migrator.release_order import missing_from_code
from tenants.migrator.restored import migrate_restored
from tenants.models import Tenant
from tenants.names import validate_slug
from tenants.postgresql import tenant_schemas as schemas
from tenants.postgresql.dependencies import Extension
from tenants.postgresql.direct_connection import dedicated_connection
from tenants.postgresql.extensions import create_extension, schema_of_extension
from tenants.registry.tenant_info import info_of
from tenants.variants.discovery import known_variants

_OF_A_TENANT = re.compile(r"t_\d+")


def restore_tenant(
    file: Path | str,
    slug: TenantRef | None = None,
    *,
    over: bool = False,
    progress: Progress = lambda done, total: None,
) -> TenantInfo:
    """Restore a tenant from a backup and return it; on any error, all of it is rolled back.

    A new tenant gets `slug`, or by default its old slug and those of its old domains that are free. Its plan and
    limits are restored. With `over` it replaces the existing tenant `slug`, including the domains. The replaced tenant
    is deleted under another slug (`replace.kept_slug`) and can be undeleted during the grace period.

    No user is signed in: the models in `TENANTS["CLONE_LEAVES_OUT"]` stay empty. Data older than the code are migrated.
    All of it is one transaction on a separate connection. The SQL of the dump is executed, so restore only backups that
    you have made yourself.

    Raises `InvalidBackup`, `ExtensionRefused`, `InvalidName`, `TenantExists`, `TenantNotFound`, `ProgramFailed`,
    `ConfigurationError` or `OperationFailed`.
    """
    path = Path(file)
    with wrap_errors(f"Restoring {path}"), open_archive(path) as archive, ExitStack() as undo:
        wanted = slug or archive.manifest.tenant.slug
        # By id: the slug may belong to another tenant when loading ends.
        old = _replaced(wanted) if over else None
        _check(archive)
        archive.verify(progress)
        with dedicated_connection(), use_tenant(PLATFORM):
            drop_left_over()
            with transaction.atomic():
                tenant = _insert(archive, wanted, over=over)
                check_no_files(tenant)
                undo.callback(remove_orphaned_files, tenant)
                _load(archive, tenant, progress)
                migrations = _migrate(archive, tenant)
                _save_files(archive, tenant, progress)
                kept = "" if old is None else replace_tenant(old, tenant)
                left = [] if over else _restore_settings(archive.manifest, tenant)
                restored = info_of(Tenant.objects.get(pk=tenant.id))
                facts = {"file": str(path), "made_at": archive.manifest.made_at, "kept": kept, "domains_left": left}
                audit.record("restore", restored, migrations=len(migrations), **facts)
            undo.pop_all()  # committed: the files belong to a tenant now
    return restored


def _replaced(wanted: TenantRef) -> int:
    with use_tenant(PLATFORM):
        return existing_tenant(wanted).pk


def _restore_settings(manifest: Manifest, tenant: TenantInfo) -> list[str]:
    """Restore the limits, and the domains if the slug is the same; return the domains that are not available."""
    restore_limits(tenant, manifest.limits)
    return restore_domains(tenant, manifest.domains) if tenant.slug == manifest.tenant.slug else []


def _check(archive: Archive) -> None:
    """Raise `InvalidBackup` for a backup that this code cannot restore."""
    manifest = archive.manifest
    try:
        validate_spec(TenantSpec(**_facts(archive)))
    except InvalidOption as error:
        raise InvalidBackup(str(archive.path), f"this code does not accept its tenant's options. {error}") from error
    if manifest.tenant.variant not in known_variants():
        raise InvalidBackup(
            str(archive.path),
            f"its tenant has the variant {manifest.tenant.variant!r}, which this code does not have. "
            f"Restore it with code that has this variant.",
        )
    _check_limits(archive)
    newer = missing_from_code([(app, name) for app, _, name in (head.partition(".") for head in manifest.heads)])
    if newer:
        names = ", ".join(f"{app}.{name}" for app, name in newer)
        raise InvalidBackup(
            str(archive.path),
            f"its data are newer than this code, which has no migration {names}. Update the code, then try again.",
        )
    if not _OF_A_TENANT.fullmatch(manifest.schema):
        raise InvalidBackup(str(archive.path), f"{manifest.schema!r} is not the name of a tenant's schema.")


def _check_limits(archive: Archive) -> None:
    for name, value in archive.manifest.limits.items():
        if not _is_limit(name, value):
            raise InvalidBackup(str(archive.path), f"its tenant has the invalid limit {name} = {value!r}.")


def _is_limit(name: str, value: object) -> bool:
    if name == "plan":
        return isinstance(value, str) and len(value) <= (Tenant._meta.get_field("plan").max_length or 0)
    return name in LIMITS and (value is None or (type(value) is int and 0 <= value <= 2**31 - 1))


def _facts(archive: Archive) -> dict[str, Any]:
    """Return the tenant's options, without an API version that is no longer served."""
    facts = asdict(archive.manifest.tenant)
    return facts if facts["api_version"] in tenancy().api_versions else {**facts, "api_version": ""}


def _insert(archive: Archive, wanted: TenantRef, *, over: bool) -> TenantInfo:
    slug = interim_slug() if over else str(wanted)
    if not over:
        validate_slug(slug, reserved=tenancy().all_reserved_slugs)
    facts = {**_facts(archive), "slug": slug}
    tenant = insert_tenant(TenantSpec(**facts))
    with connection.cursor() as cursor:  # so that its schema and folder do not count as orphaned
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [LOCK_SPACE, tenant.id])
    if schemas.existing_schemas([tenant.schema]):
        raise SchemaExists(tenant.schema)
    return tenant


def _load(archive: Archive, tenant: TenantInfo, progress: Progress) -> None:
    manifest = archive.manifest
    pg_restore = find_program("pg_restore", at_least=manifest.versions.pg_dump)
    pg_dump = find_program("pg_dump", at_least=server_version())
    open_dump = partial(archive.open, DUMP)
    before, after = renamed_structure(
        open_dump,
        manifest.schema,
        tenant.schema,
        extensions=_homes_of_extensions(archive),
        pg_restore=pg_restore,
        pg_dump=pg_dump,
    )
    excluded = excluded_tables()
    # Functions need the tenant's search_path to find each other and extensions.
    with use_tenant(tenant.as_owner()):
        send_structure(before)
        if tenant.role:
            schemas.grant_to_role(tenant)
        with open_dump() as dump, run_program(pg_restore, "--section=data", "--file=-", given=dump) as stream:
            loaded = load_rows(
                stream,
                manifest.schema,
                tenant.schema,
                without=excluded,
                expected=len(manifest.rows),
                progress=progress,
            )
    _check_counts(archive, loaded, excluded)
    with use_tenant(tenant.as_owner()):
        send_structure(after)


def _homes_of_extensions(archive: Archive) -> dict[Extension, str] | None:
    """Return the extensions that a backup uses, each with its schema here; create missing ones."""
    if archive.manifest.extensions is None:
        return None
    homes = {}
    for extension in archive.manifest.extensions:
        if schema_of_extension(extension.name) is None:
            create_extension(extension.name, "CASCADE")
        home = schema_of_extension(extension.name) or ""
        if _OF_A_TENANT.fullmatch(home):
            what = f"is used by {archive.path}, but is in schema {home!r}, which is dropped when that tenant is purged"
            move = f'ALTER EXTENSION "{extension.name}" SET SCHEMA "{tenancy().extension_schema}"'
            raise ExtensionRefused(extension.name, what, f"Move it, then try again: {move}.")
        homes[extension] = home
    return homes


def _check_counts(archive: Archive, loaded: dict[str, int], excluded: frozenset[str]) -> None:
    for table, count in archive.manifest.rows.items():
        if table not in excluded and loaded.get(table, 0) != count:
            reason = f"table {table} has {loaded.get(table, 0)} rows in the dump, but {count} in the manifest."
            raise InvalidBackup(str(archive.path), reason)


def _migrate(archive: Archive, tenant: TenantInfo) -> tuple[str, ...]:
    try:
        return migrate_restored(tenant)
    except Exception as error:  # migrations can raise anything
        cause = f"its data could not be migrated: {type(error).__name__}: {error}"
        raise OperationFailed(f"Restoring {archive.path}", cause) from error


def _save_files(archive: Archive, tenant: TenantInfo, progress: Progress) -> None:
    with use_tenant(tenant):
        for done, name in enumerate(archive.files):
            progress(done, len(archive.files))
            with archive.open(MEDIA + name) as stream:
                save_file(name, stream)
