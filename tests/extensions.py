"""Extensions of PostgreSQL for tests: those of the server, and a skip for those that it lacks."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from psycopg import sql

from tenants.postgresql.direct_connection import connect_directly

_CONTRIB = Path("/usr/share/postgresql/15/extension")
"""Of Debian's PostgreSQL 15, on which `scripts/test-postgresql-15` runs these tests; the embedded 18 lacks most."""


def need(*names: str) -> None:
    """Skip a test where the server lacks an extension; where no server of the machine has it, CI=true fails."""
    with connect_directly() as session:
        there = {name for (name,) in session.execute("SELECT name FROM pg_available_extensions")}
    missing = [name for name in names if name not in there]
    if not missing:
        return
    said = f"This server has no extension {', '.join(missing)}."
    if all((_CONTRIB / f"{name}.control").exists() for name in missing) and not os.environ.get("PG_BINDIR"):
        pytest.skip(f"{said} scripts/test-postgresql-15 runs this test.")
    if os.environ.get("CI") == "true":
        pytest.fail(f"{said} Install postgresql-15 (with contrib); .ci/run does.")
    pytest.skip(said)


def some_extension() -> tuple[str, str, str]:
    """Return a relocatable extension that this server has, a type of it and a value of that type."""
    with connect_directly() as session:
        there = {name for (name,) in session.execute("SELECT name FROM pg_available_extensions")}
    for name, kind, value in (("hstore", "hstore", '"a"=>"1"'), ("vector", "vector", "[1,2]")):
        if name in there:
            return name, kind, value
    need("hstore")
    raise AssertionError("unreachable")


@contextmanager
def dropped_afterwards(*names: str) -> Iterator[None]:
    """Drop these extensions when the block ends, wherever they are by then."""
    try:
        yield
    finally:
        with connect_directly() as session:
            for name in names:
                session.execute(sql.SQL("DROP EXTENSION IF EXISTS {} CASCADE").format(sql.Identifier(name)))
