"""The ways to bring all tenants' schemas up to date that `bench.migrate` puts side by side."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from psycopg import sql

from bench.bare import SCHEMAS, message
from bench.contenders import DJANGO_TENANTS, MANAGE, PGSCHEMAS, PLAIN, SANGGA, Contender, is_installed
from bench.measure import Sample, run
from bench.server import FOLDER, connect, environment, server

ADDED = {"BENCH_ADDED": "1"}
_UNDO = "ALTER TABLE goods_goods DROP COLUMN origin; DELETE FROM django_migrations WHERE name = 'added_goods_origin';"


@dataclass(frozen=True, slots=True, eq=False)
class Way:
    """One command that migrates all tenants."""

    label: str
    contender: Contender | None
    """None: PostgreSQL's clients alone, no Django."""
    command: Sequence[str]
    flags: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_peer(self) -> bool:
        return self.contender in {DJANGO_TENANTS, PGSCHEMAS}

    def database(self, tenants: int) -> str:
        """Return the database in which it finds so many tenants."""
        if self.contender is PLAIN:
            return "bench_plain"
        return f"bench_{self.contender.key if self.contender else 'bare'}_{tenants}"

    def run(self, tenants: int, flags: Mapping[str, str] | None = None) -> Sample:
        """Run it from start to end."""
        database = self.database(tenants)
        variables = self.contender.environment(database) if self.contender else environment(database)
        return run(self.command, {**variables, **self.flags, **(flags or {})}, database)


def _bare(connections: int) -> list[str]:
    return [sys.executable, "-m", "bench.bare", str(FOLDER / "add.sql"), str(connections)]


PLAIN_MIGRATE = Way("plain Django, one schema", PLAIN, [*MANAGE, "migrate"])
ONE_JOB = Way("Sangga, --jobs 1", SANGGA, [*MANAGE, "migrate_tenants", "--jobs=1"])
TWO_JOBS = Way("Sangga, --jobs 2", SANGGA, [*MANAGE, "migrate_tenants", "--jobs=2"])
LOOP = Way("psycopg loop, one connection", None, _bare(1))
TWO_LOOPS = Way("psycopg loop, two connections", None, _bare(2))
PSQL = Way("psql, one connection", None, [str(server.bindir / "psql"), "-qX", "-f", str(FOLDER / "add-all.sql")])
# Quiet: then Django's command spares itself looking for changes that have no migration.
PEERS = [
    Way("django-tenants, standard", DJANGO_TENANTS, [*MANAGE, "migrate_schemas", "--tenant", "-v0"]),
    Way(
        "django-tenants, multiprocessing",
        DJANGO_TENANTS,
        [*MANAGE, "migrate_schemas", "--tenant", "-v0", "--executor=multiprocessing"],
    ),
    Way("django-pgschemas, sequential", PGSCHEMAS, [*MANAGE, "migrate", "-ds", "-v0"]),
    Way("django-pgschemas, parallel", PGSCHEMAS, [*MANAGE, "migrate", "-ds", "-v0", "--parallel"]),
]


def peers() -> list[Way]:
    """Return the ways of those peers that are installed."""
    return [way for way in PEERS if way.contender and is_installed(way.contender)]


def write_psql_script(tenants: int) -> None:
    """Write what psql is given: one message a tenant, its statements bound together by `\\;`."""
    script = (FOLDER / "add.sql").read_text()
    with connect(f"bench_bare_{tenants}") as connection:
        schemas = [schema for (schema,) in connection.execute(SCHEMAS)]
    text = "".join(message(schema, script).replace(";", "\\;") + ";\n" for schema in schemas)
    (FOLDER / "add-all.sql").write_text(text)


class Undo:
    """Takes the added column out of all schemas of a database, so that the next round finds what the first found."""

    def __init__(self, way: Way, tenants: int) -> None:
        self._way, self._tenants = way, tenants
        self._state = self._fingerprint() if way.contender is SANGGA else None

    def _fingerprint(self) -> str:
        with connect(self._way.database(self._tenants)) as connection:
            rows = connection.execute("SELECT DISTINCT fingerprint FROM tenants_schemastate").fetchall()
        ((fingerprint,),) = rows
        return str(fingerprint)

    def __call__(self) -> None:
        """Undo; raise `RuntimeError` unless all tenants had the column, and they are as many as they should be."""
        with connect(self._way.database(self._tenants)) as connection:
            rows = connection.execute(
                "SELECT schemaname FROM pg_indexes WHERE indexname = 'goods_by_origin' ORDER BY 1"
            ).fetchall()
            if len(rows) != self._tenants:
                raise RuntimeError(f"{self._way.label} migrated {len(rows)} of {self._tenants} tenants.")
            for (schema,) in rows:
                path = sql.SQL("BEGIN; SET LOCAL search_path = {};").format(sql.Identifier(schema))
                connection.execute(path + sql.SQL(_UNDO) + sql.SQL("COMMIT"))
            if self._state is not None:
                connection.execute("UPDATE tenants_schemastate SET fingerprint = %s", [self._state])


def sizes(up_to: int) -> list[int]:
    """Return the numbers of tenants to measure with; 0: none."""
    return [size for size in (10, 100, 1000) if size <= up_to] or [up_to] * bool(up_to)


def asked_for(name: str, default: int) -> int:
    """Return a number from the environment."""
    return int(os.environ.get(name) or default)
