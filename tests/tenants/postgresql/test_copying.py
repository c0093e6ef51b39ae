"""Copies of rows between schemas are exact, with any triggers, defaults and generated columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from django.db import connection, transaction

from tenants import PLATFORM, use_tenant
from tenants.lifecycle.backup.copy_rows import copy_rows, count_rows

SqlRow = Callable[..., tuple[object, ...]]

# All but plain columns that Django's migrations or an SQL script can create in a tenant's schema.
MAKE = """
CREATE SCHEMA {name};
SET LOCAL search_path = {name};
CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.name := upper(NEW.name); RETURN NEW; END $$;
CREATE TABLE "Odd table" (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "na""me" text);
CREATE TABLE plain (id serial PRIMARY KEY, name text, size int GENERATED ALWAYS AS (length(name)) STORED);
CREATE TABLE child (extra text) INHERITS (plain);
CREATE TABLE points (plain_id int REFERENCES plain DEFERRABLE INITIALLY DEFERRED, at date) PARTITION BY RANGE (at);
CREATE TABLE points_2026 PARTITION OF points FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TRIGGER shout BEFORE INSERT ON plain FOR EACH ROW EXECUTE FUNCTION shout();
CREATE TRIGGER always BEFORE INSERT ON plain FOR EACH ROW EXECUTE FUNCTION shout();
CREATE TRIGGER never BEFORE INSERT ON plain FOR EACH ROW EXECUTE FUNCTION shout();
ALTER TABLE plain ENABLE ALWAYS TRIGGER always;
ALTER TABLE plain DISABLE TRIGGER never;
CREATE TYPE mood AS ENUM ('sad', 'ok "quoted", (odd)');
CREATE DOMAIN small AS int CHECK (VALUE < 10);
CREATE DOMAIN nice AS mood CHECK (VALUE <> 'sad');
CREATE TYPE "Odd pair" AS (feeling mood, at timestamptz, share numeric, raw bytea, name char(4));
CREATE TYPE floats AS RANGE (subtype = float8);
CREATE TABLE own (
    id int PRIMARY KEY, m mood DEFAULT 'sad', ms mood[], s small, n nice, p "Odd pair", ps "Odd pair"[], f floats,
    fs floats_multirange, whole plain
);
CREATE TABLE log (what text);
CREATE RULE seen AS ON INSERT TO own DO INSTEAD INSERT INTO log VALUES ('written');
CREATE SEQUENCE free START 7;
CREATE MATERIALIZED VIEW empty AS SELECT 1 AS one WITH NO DATA;
CREATE MATERIALIZED VIEW summary AS SELECT count(*) FROM plain;
"""
FILL = """
SET LOCAL search_path = one;
ALTER TABLE plain DISABLE TRIGGER USER;
INSERT INTO "Odd table" ("na""me") VALUES ('first'), ('second');
DELETE FROM "Odd table" WHERE id = 2;
INSERT INTO plain (name) VALUES ('quiet'), (NULL);
INSERT INTO child (name, extra) VALUES ('of a child', 'x');
INSERT INTO points VALUES (1, '2026-05-05');
ALTER TABLE own DISABLE RULE seen;
INSERT INTO own VALUES (
    1, 'ok "quoted", (odd)', '{{sad,NULL},{NULL,"ok \\"quoted\\", (odd)"}}', 9, 'ok "quoted", (odd)',
    ROW('sad', '2026-05-05 05:05:05.123456+09', 0.1000, '\\x00ff', 'a,'),
    ARRAY[ROW('sad', 'infinity', 'NaN', NULL, NULL)::"Odd pair"],
    '[0.1,0.30000000000000004)', '{[1,2),[3,)}', ROW(1, 'x', 1)
);
INSERT INTO own VALUES (2);
ALTER TABLE own ENABLE RULE seen;
ALTER SEQUENCE plain_id_seq RENAME TO older_id_seq;
SELECT nextval('free'), nextval('free');
INSERT INTO two.plain (name) VALUES ('what was there before');
"""


@pytest.fixture
def two_schemas(platform: object) -> Iterator[None]:
    """Schemas `one`, with rows, and `two`, of the same structure."""
    with use_tenant(PLATFORM), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(MAKE.format(name="one") + MAKE.format(name="two") + FILL)
        yield


def copied(without: tuple[str, ...] = ()) -> list[tuple[int, int]]:
    """Copy `one` to `two` and return the reported progress."""
    reported: list[tuple[int, int]] = []
    copy_rows("one", "two", without=without, progress=lambda done, total: reported.append((done, total)))
    return reported


def test_every_row_is_copied_once_and_as_it_is(two_schemas: None, sql_row: SqlRow) -> None:
    assert copied() == [(number, 6) for number in range(6)]
    expected = {"Odd table": 1, "plain": 2, "child": 1, "points_2026": 1, "own": 2, "log": 0}
    assert count_rows("two") == count_rows("one") == expected
    assert sql_row("SELECT array_agg(name ORDER BY id) FROM ONLY two.plain") == (["quiet", None],)
    assert sql_row("SELECT size FROM two.plain WHERE id = 1") == (5,)
    assert sql_row("SELECT count FROM two.summary") == (3,)


def test_values_of_own_types_are_copied_as_they_are(two_schemas: None, sql_row: SqlRow) -> None:
    """Enums, domains, composites, ranges, arrays of them and row types: each schema has its own."""
    copied()
    both = "SELECT array_agg(o::text ORDER BY id) FROM {}.own o"
    assert sql_row(both.format("two")) == sql_row(both.format("one"))
    types = "SELECT array_agg(DISTINCT t.typnamespace::regnamespace::text) FROM pg_attribute a "
    types += "JOIN pg_type t ON t.oid = a.atttypid WHERE attrelid = 'two.own'::regclass AND attnum > 1"
    assert sql_row(types) == (["two"],)


def test_a_sequence_of_another_name_and_one_of_no_column_go_on(two_schemas: None, sql_row: SqlRow) -> None:
    """A sequence with an older name is found by its column."""
    copied()
    assert sql_row("SELECT nextval('two.plain_id_seq'), nextval('two.free')") == (4, 9)


def test_a_view_without_rows_stays_without(two_schemas: None, sql_row: SqlRow) -> None:
    """The copy does not refresh a materialized view that has no data."""
    copied()
    assert sql_row("SELECT relispopulated FROM pg_class WHERE oid = 'two.empty'::regclass") == (False,)


def test_sequences_go_on_where_the_others_are(two_schemas: None, sql_row: SqlRow) -> None:
    copied()
    assert sql_row("""INSERT INTO two."Odd table" ("na""me") VALUES ('third') RETURNING id""") == (3,)
    assert sql_row("INSERT INTO two.plain (name) VALUES ('new') RETURNING id") == (4,)


def test_triggers_are_afterwards_as_they_were_before(two_schemas: None, sql_row: SqlRow) -> None:
    copied()
    states = """
        SELECT array_agg(tgname || ' ' || tgenabled::text ORDER BY tgname) FROM pg_trigger
        WHERE tgrelid = 'two.plain'::regclass AND NOT tgisinternal
    """
    assert sql_row(states) == (["always A", "never D", "shout O"],)


def test_tables_that_are_left_out_are_left_empty(two_schemas: None) -> None:
    copied(without=("Odd table",))
    assert count_rows("two")["Odd table"] == 0
