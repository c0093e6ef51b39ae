"""Third-party projects, which tests run in copies and on the server of these tests."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import Any

import psycopg
from django.db import connection

Run = Callable[..., "subprocess.CompletedProcess[str]"]
RunInCopy = Callable[[str, str], Run]


def a_session() -> psycopg.Connection[Any]:
    """Return a session of the server's, in no database of ours."""
    return psycopg.connect(**connection.get_connection_params() | {"dbname": "postgres"}, autocommit=True)


def left_by(database: str) -> set[str]:
    """Return the databases and roles that a foreign project has made; other tests make others meanwhile."""
    with a_session() as server:
        rows = server.execute("SELECT datname FROM pg_database UNION ALL SELECT rolname FROM pg_roles").fetchall()
    return {name for (name,) in rows if name.startswith((f"test_{database}", f"{database}_"))}
