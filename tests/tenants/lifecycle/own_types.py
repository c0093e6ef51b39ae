"""A migration with all kinds of objects besides tables, and rows that use them."""

from __future__ import annotations

from django.db import connection

from tenants import TenantInfo, use_tenant

_MAKE = """
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE DOMAIN small AS int CHECK (VALUE < 100);
CREATE DOMAIN nice AS mood CHECK (VALUE <> 'sad');
CREATE TYPE pair AS (feeling mood, at timestamptz);
CREATE TYPE floats AS RANGE (subtype = float8);
CREATE TYPE percent;
CREATE FUNCTION percent_in(cstring) RETURNS percent LANGUAGE internal IMMUTABLE STRICT AS 'int4in';
CREATE FUNCTION percent_out(percent) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'int4out';
CREATE TYPE percent (INPUT = percent_in, OUTPUT = percent_out, LIKE = int4);
CREATE SEQUENCE numbers INCREMENT 5 START 10;
CREATE FUNCTION twice(x int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 2 * x';
CREATE FUNCTION four_times(x int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT twice(twice(x))';
CREATE FUNCTION next_number() RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RETURN nextval(''numbers''); END';
CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.label := upper(NEW.label); RETURN NEW; END';
CREATE AGGREGATE product(int) (SFUNC = int4mul, STYPE = int, INITCOND = '1');
CREATE TABLE own (
    id serial PRIMARY KEY, m mood NOT NULL DEFAULT 'ok', ms mood[] DEFAULT '{sad}', s small DEFAULT 7, n nice, p pair,
    f floats, pc percent DEFAULT '50', number bigint DEFAULT next_number(), label text, note text COLLATE "C",
    d int GENERATED ALWAYS AS (four_times(s)) STORED, CHECK (four_times(s) < 1000), UNIQUE (label)
);
CREATE INDEX own_by_twice ON own (twice(s)) WHERE m = 'ok';
CREATE STATISTICS own_statistics ON m, s FROM own;
CREATE TRIGGER own_shouts BEFORE INSERT ON own FOR EACH ROW EXECUTE FUNCTION shout();
CREATE RULE own_stays AS ON DELETE TO own WHERE OLD.label = 'KEPT' DO INSTEAD NOTHING;
ALTER TABLE own ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_not_sad ON own USING (m <> 'sad' OR label IS NULL) WITH CHECK (true);
CREATE TABLE own_parts (at date NOT NULL, m mood) PARTITION BY RANGE (at);
CREATE TABLE own_parts_2026 PARTITION OF own_parts FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE VIEW own_seen WITH (security_barrier) AS SELECT label, four_times(s) AS four FROM own;
CREATE MATERIALIZED VIEW own_counted AS SELECT m, count(*) AS n FROM own GROUP BY m;
CREATE INDEX own_counted_by_mood ON own_counted (m);
CREATE TRIGGER own_seen_shouts INSTEAD OF INSERT ON own_seen FOR EACH ROW EXECUTE FUNCTION shout();
CREATE TABLE own_branch (id int PRIMARY KEY, root int NOT NULL);
CREATE TABLE own_root (id int PRIMARY KEY, first int REFERENCES own_branch);
ALTER TABLE own_branch ADD FOREIGN KEY (root) REFERENCES own_root;
CREATE FUNCTION count_own() RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT
    AS 'SELECT count(*) FROM own';
COMMENT ON TYPE mood IS 'how it is';
"""
_UNMAKE = """
DROP FUNCTION count_own; DROP TABLE own_branch, own_root;
DROP MATERIALIZED VIEW own_counted; DROP VIEW own_seen; DROP TABLE own_parts; DROP TABLE own;
DROP AGGREGATE product(int); DROP FUNCTION shout; DROP FUNCTION next_number; DROP FUNCTION four_times;
DROP FUNCTION twice; DROP SEQUENCE numbers; DROP TYPE percent CASCADE; DROP TYPE floats; DROP TYPE pair;
DROP DOMAIN nice; DROP DOMAIN small; DROP TYPE mood;
"""
_FILL = """
INSERT INTO own (m, ms, n, p, f, pc, label) VALUES
    ('ok', '{ok,sad,NULL}', 'ok', ROW('sad', '2026-05-05 05:05:05.123456+09'), '[0.1,0.3)', '99', 'kept'),
    ('sad', NULL, NULL, NULL, NULL, NULL, 'sad'), ('ok', '{}', NULL, NULL, 'empty', '1', NULL);
INSERT INTO own_parts VALUES ('2026-05-05', 'sad');
INSERT INTO own_root VALUES (1, NULL);
INSERT INTO own_branch VALUES (2, 1);
UPDATE own_root SET first = 2;
REFRESH MATERIALIZED VIEW own_counted;
"""

OPERATIONS = f'RunSQL("""{_MAKE}""", """{_UNMAKE}"""),'
"""For `write_migrations`."""


def fill_own(tenant: TenantInfo) -> None:
    """Give a tenant rows with values of all those types."""
    with use_tenant(tenant.as_owner()), connection.cursor() as cursor:
        cursor.execute(_FILL)
