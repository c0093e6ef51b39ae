"""Copies of tables that only schema `public` has, for a tenant's schema, with the foreign keys to them."""

from __future__ import annotations

from collections.abc import Collection

from django.apps import apps
from django.conf import settings
from django.db import connection

from tenants.errors import AdoptionRefused

# Also in docs/moving.md, for projects that copy with a condition. LIKE copies neither foreign keys nor the sequence of
# a serial column.
COPY_TABLES = r"""
CREATE OR REPLACE FUNCTION pg_temp.copy_table(target text, name text, condition text DEFAULT 'true') RETURNS void
LANGUAGE plpgsql AS $$
DECLARE col record;
        columns text;
BEGIN
    EXECUTE format('CREATE TABLE %1$I.%2$I (LIKE public.%2$I INCLUDING ALL)', target, name);
    SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) INTO columns FROM pg_attribute
     WHERE attrelid = format('public.%I', name)::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '';
    EXECUTE format('INSERT INTO %1$I.%2$I (%4$s) OVERRIDING SYSTEM VALUE SELECT %4$s FROM public.%2$I WHERE %3$s',
                   target, name, condition, columns);
    FOR col IN SELECT attname, attidentity = '' AS is_serial FROM pg_attribute
                WHERE attrelid = format('public.%I', name)::regclass AND attnum > 0 AND NOT attisdropped
                  AND pg_get_serial_sequence(format('public.%I', name), attname) IS NOT NULL LOOP
        IF col.is_serial THEN
            EXECUTE format('CREATE SEQUENCE %1$I.%2$I OWNED BY %1$I.%3$I.%4$I', target, name || '_' || col.attname ||
                           '_seq', name, col.attname);
            EXECUTE format('ALTER TABLE %1$I.%2$I ALTER %3$I SET DEFAULT nextval(%4$L)', target, name, col.attname,
                           format('%I.%I', target, name || '_' || col.attname || '_seq'));
        END IF;
        EXECUTE format('SELECT setval(pg_get_serial_sequence(%4$L, %3$L), coalesce(max(%3$I), 0) + 1, false)
                        FROM %1$I.%2$I', target, name, col.attname, format('%I.%I', target, name));
    END LOOP;
END $$;

CREATE OR REPLACE FUNCTION pg_temp.point_keys(target text, names text[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE key record;
BEGIN
    FOR key IN SELECT k.conname, c.relname, n.nspname, regexp_replace(pg_get_constraintdef(k.oid),
                      'REFERENCES ([^.( ]+\.)?', format('REFERENCES %I.', target)) AS definition
                 FROM pg_constraint k
                 JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
                 JOIN pg_class r ON r.oid = k.confrelid
                WHERE k.contype = 'f' AND r.relnamespace = 'public'::regnamespace
                  AND to_regclass(format('%I.%I', target, r.relname)) IS NOT NULL
                  AND (n.nspname = target OR (n.nspname = 'public' AND c.relname = ANY(names))) LOOP
        IF key.nspname = target THEN
            EXECUTE format('ALTER TABLE %I.%I DROP CONSTRAINT %I', target, key.relname, key.conname);
        END IF;
        EXECUTE format('ALTER TABLE %I.%I ADD CONSTRAINT %I %s', target, key.relname, key.conname, key.definition);
    END LOOP;
END $$;
"""


def check_copies(labels: Collection[str]) -> None:
    """Raise `AdoptionRefused` for the app of users: with all accounts, a user of one shop could sign in to another."""
    users = apps.get_model(settings.AUTH_USER_MODEL)._meta.app_label
    if users in labels:
        raise AdoptionRefused(
            f"--copy {users} would copy all accounts into every tenant",
            "Copy those that belong to each tenant (docs/moving.md, Users that only public has).",
        )


def copy_tables(schema: str, tables: Collection[str]) -> None:
    """Copy tables of `public` with their rows into a schema, and let the foreign keys of the schema point there."""
    if not tables:
        return
    with connection.cursor() as cursor:
        cursor.execute(COPY_TABLES)
        for table in tables:
            cursor.execute("SELECT pg_temp.copy_table(%s, %s)", [schema, table])
        cursor.execute("SELECT pg_temp.point_keys(%s, %s)", [schema, list(tables)])
