"""Dormant variants: tables of a tenant's previous variants, which stay in its schema until it gets the variant back.

Rows and migration records stay as they are. Foreign keys get an ON DELETE rule, so that rows of the base can be
deleted, and the triggers that add rows are disabled.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import replace

from django.apps import apps
from django.db import connection
from psycopg import sql

from tenants.context import TenantInfo, use_tenant
from tenants.migrator.apply import migrate_tenant
from tenants.migrator.graph import AppliedExecutor, targets_for
from tenants.migrator.history import SchemaHistory
from tenants.migrator.restored import leaf_migrations
from tenants.models.code_release import Key
from tenants.postgresql.schema import child_trigger_name
from tenants.variants.discovery import known_variants
from tenants.variants.labels import children_of, label_of, variant_of

_RELAXED = "relaxed while the variant is dormant"

_FOREIGN_KEYS = """
SELECT c.relname, k.conname, pg_get_constraintdef(k.oid),
       obj_description(k.oid, 'pg_constraint') IS NOT DISTINCT FROM %s,
       EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum = ANY(k.conkey) AND a.attnotnull)
  FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_class r ON r.oid = k.confrelid
 WHERE k.contype = 'f' AND k.connamespace = current_schema()::regnamespace
   AND c.relname = ANY(%s) AND NOT r.relname = ANY(%s) ORDER BY c.relname, k.conname
"""
_TRIGGERS = """
SELECT c.relname, t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
 WHERE c.relnamespace = current_schema()::regnamespace AND t.tgname = ANY(%s) ORDER BY t.tgname
"""
_TOUCHED = """
SELECT c.relname FROM pg_class c
 WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')
   AND (c.relname = ANY(%(tables)s)
        OR c.oid IN (SELECT k.confrelid FROM pg_constraint k JOIN pg_class o ON o.oid = k.conrelid
                      WHERE k.contype = 'f' AND k.connamespace = c.relnamespace AND o.relname = ANY(%(tables)s)))
"""
_ALL_TABLES = """
SELECT c.relname FROM pg_depend d JOIN pg_class c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid
 WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = current_schema()::regnamespace AND c.relkind = 'r'
 ORDER BY c.relname
"""
_FILL = """
INSERT INTO {child} ({link}) SELECT {key} FROM {parent} p
 WHERE NOT EXISTS (SELECT FROM {child} c WHERE c.{link} = p.{key})
"""

RowCounts = dict[str, int]
"""Numbers of rows by table."""


def dormant_variants_of(applied: Collection[Key], variant: str) -> dict[str, list[Key]]:
    """Return the dormant variants of a tenant of `variant`, each with its leaf migrations."""
    dormant: dict[str, list[Key]] = defaultdict(list)
    for key in leaf_migrations(applied):
        if variant_of(key[0]) not in {"", variant}:
            dormant[variant_of(key[0])].append(key)
    return dict(dormant)


def recorded_without_tables(applied: frozenset[Key], variant: str) -> list[Key]:
    """Return the recorded migrations of dormant variants that have no tables in the active schema."""
    return sorted(
        key
        for dormant in dormant_variants_of(applied, variant)
        if (tables := _tables(dormant, applied)) and not _existing(tables)
        for key in applied
        if key[0] == label_of(dormant)
    )


def deactivate_variant(variant: str, applied: frozenset[Key]) -> RowCounts:
    """Make a variant dormant in the active schema and return its row counts. Needs the owner and a transaction."""
    tables = _tables(variant, applied)
    with connection.cursor() as cursor:
        for table, name in _followers(tables):
            cursor.execute(sql.SQL("ALTER TABLE {} DISABLE TRIGGER {}").format(table, name))
        cursor.execute(_FOREIGN_KEYS, [_RELAXED, tables, tables])
        for table, name, definition, _, is_required in cursor.fetchall():
            if " ON DELETE " not in definition:
                rule = f" ON DELETE {'CASCADE' if is_required else 'SET NULL'}"
                _replace(table, name, definition.replace(" DEFERRABLE", f"{rule} DEFERRABLE"))
                on = sql.SQL("COMMENT ON CONSTRAINT {} ON {} IS {}")
                cursor.execute(on.format(sql.Identifier(name), sql.Identifier(table), _RELAXED))
    return _count(tables)


def reactivate_variant(variant: str, applied: frozenset[Key]) -> RowCounts:
    """Undo `deactivate_variant` and return the row counts. Needs the owner and a transaction."""
    tables = _tables(variant, applied)
    with connection.cursor() as cursor:
        cursor.execute(_FOREIGN_KEYS, [_RELAXED, tables, tables])
        for table, name, definition, is_relaxed, _ in cursor.fetchall():
            if is_relaxed:
                _replace(table, name, definition.replace(" ON DELETE CASCADE", "").replace(" ON DELETE SET NULL", ""))
        for table, name in _followers(tables):
            cursor.execute(sql.SQL("ALTER TABLE {} ENABLE TRIGGER {}").format(table, name))
    return _count(tables)


def affected_tables(variant: str, applied: frozenset[Key]) -> set[str]:
    """Return the tables of the active schema that change if `variant` becomes active or dormant."""
    label = label_of(variant)
    if not label and variant in known_variants():
        return set()
    models = list(apps.get_app_config(label).get_models(include_auto_created=True)) if label else []
    related = [field.related_model for model in models for field in model._meta.fields]
    tables = {model._meta.db_table for model in (*models, *related) if model}
    with connection.cursor() as cursor:
        cursor.execute(_TOUCHED, {"tables": [*tables, *_tables(variant, applied)]})
        return {name for (name,) in cursor.fetchall()}


def fill_children(variant: str) -> RowCounts:
    """Insert the missing rows of the variant for rows of the base, with defaults, and return their numbers."""
    added = {}
    with connection.cursor() as cursor:
        for child, parent, link in children_of(variant):
            names = {
                "child": sql.Identifier(child._meta.db_table),
                "link": sql.Identifier(link.column),
                "parent": sql.Identifier(parent._meta.db_table),
                "key": sql.Identifier(str(parent._meta.pk.column)),
            }
            cursor.execute(sql.SQL(_FILL).format(**names))
            added[child._meta.db_table] = cursor.rowcount
    return added


def migrate_new_with_dormant(tenant: TenantInfo, dormant: dict[str, list[Key]]) -> None:
    """Create all tables of a new schema, including those of dormant variants, in the current transaction."""
    is_empty = True
    for variant, targets in dormant.items():
        like = replace(tenant, variant=variant)
        everything = [key for key in targets_for(like) if key[0] != label_of(variant)]
        migrate_tenant(like, [*everything, *targets], is_empty=is_empty)
        with use_tenant(tenant.as_owner()):
            deactivate_variant(variant, SchemaHistory.read(tenant).applied)
        is_empty = False
    migrate_tenant(tenant, is_empty=is_empty)


def _tables(variant: str, applied: frozenset[Key]) -> list[str]:
    """Return the variant's tables according to its applied migrations, which may be older than the code."""
    if variant not in known_variants():
        return _tables_without_code(variant, applied)
    if not any(app == label_of(variant) for app, _ in applied):
        return []
    config = AppliedExecutor(applied).starting_state().apps.get_app_config(label_of(variant))
    models = config.get_models(include_auto_created=True)
    return sorted(model._meta.db_table for model in models if not model._meta.proxy)


def _tables_without_code(variant: str, applied: frozenset[Key]) -> list[str]:
    """Return the active schema's tables of a variant whose code was removed.

    No migration in the code creates them, and their name begins with the variant's or they have a parent's trigger.
    """
    models = AppliedExecutor(applied).starting_state().apps.get_models(include_auto_created=True)
    known = {model._meta.db_table for model in models}
    with connection.cursor() as cursor:
        cursor.execute(_ALL_TABLES)
        tables = [name for (name,) in cursor.fetchall() if name not in known]
        cursor.execute(_TRIGGERS, [[child_trigger_name(table) for table in tables]])
        followers = {name for _, name in cursor.fetchall()}
    return [name for name in tables if name.startswith(f"{variant}_") or child_trigger_name(name) in followers]


def _existing(tables: Sequence[str]) -> list[str]:
    there = "SELECT name FROM unnest(%s::text[]) AS name WHERE to_regclass(quote_ident(name)) IS NOT NULL"
    with connection.cursor() as cursor:
        cursor.execute(there, [list(tables)])
        return [name for (name,) in cursor.fetchall()]


def _followers(tables: Sequence[str]) -> list[tuple[sql.Identifier, sql.Identifier]]:
    with connection.cursor() as cursor:
        cursor.execute(_TRIGGERS, [[child_trigger_name(table) for table in tables]])
        return [(sql.Identifier(table), sql.Identifier(name)) for table, name in cursor.fetchall()]


def _replace(table: str, name: str, definition: str) -> None:
    # One statement, so that the constraint always exists. The definition is PostgreSQL's own text.
    text = sql.SQL("ALTER TABLE {table} DROP CONSTRAINT {name}, ADD CONSTRAINT {name} {definition}")
    names = {"table": sql.Identifier(table), "name": sql.Identifier(name)}
    with connection.cursor() as cursor:
        cursor.execute(text.format(**names, definition=sql.SQL(definition)))


def _count(tables: Sequence[str]) -> RowCounts:
    with connection.cursor() as cursor:
        counts = {}
        for table in tables:
            cursor.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table)))
            counts[table] = int(cursor.fetchone()[0])
    return counts
