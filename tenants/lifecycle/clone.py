"""Clone of a tenant: a new tenant with a copy of its rows and files."""

from __future__ import annotations

from contextlib import ExitStack

from tenants.conf import tenancy
from tenants.context import TenantInfo, use_tenant
from tenants.errors import SchemaDrift, SchemaOutdated
from tenants.lifecycle import audit
from tenants.lifecycle.anonymize import anonymizers
from tenants.lifecycle.backup.copy_rows import Column, columns_of, copy_rows, sequences_of
from tenants.lifecycle.create import TenantSpec, insert_tenant
from tenants.lifecycle.excluded_tables import excluded_tables
from tenants.lifecycle.files import check_no_files, copy_files, remove_orphaned_files
from tenants.lifecycle.locking import TenantRef, describe, wrap_errors
from tenants.lifecycle.progress import Progress
from tenants.lifecycle.replace import copy_settings
from tenants.lifecycle.snapshot import tenant_snapshot
from tenants.migrator.dormant_variants import dormant_variants_of, migrate_new_with_dormant
from tenants.migrator.graph import target_fingerprint
from tenants.migrator.history import SchemaHistory
from tenants.migrator.release_order import check_not_ahead
from tenants.models import Tenant
from tenants.names import validate_slug
from tenants.postgresql import tenant_schemas as schemas
from tenants.registry.tenant_info import info_of


def clone_tenant(
    slug: TenantRef,
    new_slug: str,
    *,
    name: str = "",
    anonymize: bool = False,
    progress: Progress = lambda done, total: None,
) -> TenantInfo:
    """Copy a tenant to a new tenant `new_slug` and return that; on any error, all of it is rolled back.

    The clone has the plan, limits and second-factor rule of its source. It has no domains, and is active even if the
    source is suspended. Users keep their passwords but are signed out: the models in `TENANTS["CLONE_LEAVES_OUT"]` stay
    empty. `anonymize` removes personal data before the clone is visible. The source stays open. All of it is one
    transaction on a separate connection.

    Raises `InvalidName`, `TenantExists`, `TenantNotFound`, `SchemaOutdated`, `TenantAhead`, `SchemaDrift`,
    `TenantLocked`, `OperationFailed`, or what an anonymizer raises.
    """
    validate_slug(new_slug, reserved=tenancy().all_reserved_slugs)
    functions = anonymizers() if anonymize else []
    excluded = excluded_tables()
    with wrap_errors(f"Cloning {describe(slug)}"), ExitStack() as undo:
        with tenant_snapshot(slug) as source:
            _check_is_current(source)
            clone = _insert(source, _spec(source, new_slug, name))
            check_no_files(clone)
            undo.callback(remove_orphaned_files, clone)
            _create_schema(source, clone)
            _check_same_structure(source, clone)
            with use_tenant(clone.as_owner()):
                copy_rows(source.schema, clone.schema, without=excluded, progress=progress)
            with use_tenant(clone):
                for function in functions:
                    function()
            copy_files(source, clone, progress)
            audit.record("clone", source, clone=clone.slug, anonymized=anonymize)
            audit.record("create", clone, clone_of=source.slug, anonymized=anonymize)
        undo.pop_all()  # committed: the files belong to a tenant now
    return clone


def _check_is_current(source: TenantInfo) -> None:
    history = SchemaHistory.read(source)
    check_not_ahead(history)
    if history.fingerprint != target_fingerprint(source.variant):
        raise SchemaOutdated(source.slug)


def _spec(source: TenantInfo, new_slug: str, name: str) -> TenantSpec:
    return TenantSpec(
        slug=new_slug,
        name=name,
        variant=source.variant,
        language=source.language,
        currency=source.currency,
        time_zone=source.time_zone,
    )


def _insert(source: TenantInfo, spec: TenantSpec) -> TenantInfo:
    clone = Tenant.objects.get(pk=insert_tenant(spec).id)
    clone.save(update_fields=copy_settings(clone, Tenant.objects.get(pk=source.id)))
    return info_of(clone, has_related=False)


def _create_schema(source: TenantInfo, clone: TenantInfo) -> None:
    dormant = dormant_variants_of(SchemaHistory.read(source).applied, source.variant)
    schemas.create_schema(clone)
    if clone.role:
        schemas.grant_to_role(clone)
    migrate_new_with_dormant(clone, dormant)


def _check_same_structure(source: TenantInfo, clone: TenantInfo) -> None:
    """Raise `SchemaDrift` for tables, columns or sequences that the code does not know: their data would be lost."""
    there, here = columns_of(source.schema), columns_of(clone.schema)
    for table in sorted(there.keys() | here.keys()):
        _check_columns(source, table, there.get(table, {}), here.get(table, {}))
    for sequence in sorted(sequences_of(source.schema).keys() ^ sequences_of(clone.schema).keys()):
        raise SchemaDrift(source.slug, f"one of them lacks the sequence of {sequence}")


def _check_columns(source: TenantInfo, table: str, there: dict[str, Column], here: dict[str, Column]) -> None:
    for name in sorted(there.keys() ^ here.keys()):
        missing = "it lacks" if name not in there else "it has, beyond them,"
        raise SchemaDrift(source.slug, f"{missing} the column {table}.{name}")
    for name, column in there.items():
        if not column.holds_the_same_as(here[name]):
            kinds = f"{column.type_name}, and not {here[name].type_name}"
            raise SchemaDrift(source.slug, f"its column {table}.{name} is {kinds}")
