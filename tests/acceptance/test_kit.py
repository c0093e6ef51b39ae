"""The kit for tests, in a small project of somebody else's: other apps, other settings, Django's own admin."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connection

from tests.acceptance.test_worker import database_url

ROOT = Path(__file__).resolve().parents[2]
FOREIGN = ROOT / "tests" / "foreign"
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(committed: None, tmp_path: Path) -> Run:
    """Return a function that runs a command in a copy of the foreign project, on the server of these tests."""
    project, media = tmp_path / "project", tmp_path / "media"
    shutil.copytree(FOREIGN, project, ignore=shutil.ignore_patterns("__pycache__"))
    media.mkdir()
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST", "DJANGO", "SANGGA"))}

    def command(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        # A database of this test's own name, which need not exist: everything happens in others that are made.
        url = database_url("postgres")
        return subprocess.run(
            [sys.executable, *words],
            cwd=project,
            env={**kept, "DATABASE_URL": url, "PYTHONPATH": str(ROOT), "LIBRARY_MEDIA": str(media), **environment},
            capture_output=True,
            text=True,
            timeout=280,
        )

    return command


def on_the_server() -> tuple[set[str], set[str]]:
    """Return the names of all databases and roles."""
    with psycopg.connect(**connection.get_connection_params() | {"dbname": "postgres"}) as server:
        databases = {name for (name,) in server.execute("SELECT datname FROM pg_database").fetchall()}
        roles = {name for (name,) in server.execute("SELECT rolname FROM pg_roles").fetchall()}
    return databases, roles


def mine(names: set[str]) -> set[str]:
    """Return those that a foreign project can have made; other tests make others meanwhile."""
    return {name for name in names if name.startswith(("test_postgres", "postgres_isolation"))}


def results(done: subprocess.CompletedProcess[str]) -> dict[tuple[str, str], dict[str, Any]]:
    found = json.loads(done.stdout)
    return {(result["probe"], result["reader"]): result for result in found}


def test_the_plugin_serves_a_project_that_is_not_ours_in_parallel_too(run: Run) -> None:
    done = run("-m", "pytest", "-q", "-n", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "106 passed" in done.stdout
    assert [mine(names) for names in on_the_server()] == [set(), set()]


def test_a_project_that_keeps_tenants_apart_passes_and_nothing_is_left(run: Run, tmp_path: Path) -> None:
    checked = run("manage.py", "check", "--fail-level", "WARNING")
    assert checked.returncode == 0, checked.stderr
    done = run("manage.py", "check_isolation", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    found = results(done)
    assert {result["verdict"] for result in found.values()} == {"kept apart"}, "and nothing was skipped"
    for probe in ("rows through the ORM", "cache 'default'", "sites in memory", "the index of words"):
        assert (probe, "other tenant") in found
    assert [mine(names) for names in on_the_server()] == [set(), set()]
    assert list((tmp_path / "media").iterdir()) == []


CACHE = "CACHES['default']"
PLAIN_SECRET = "SECRET_KEY = 'one-for-all-0123456789-abcdefghijklmnopqrstuvwxyz'"
BREAKS = {
    "CARELESS_ADMIN = True": {"the control plane in an admin"},
    f"{CACHE}.pop('KEY_FUNCTION')": {"cache 'default'", "pages without parameters"},
    "STORAGES['default']['BACKEND'] = 'django.core.files.storage.FileSystemStorage'": {"storage 'default'"},
    PLAIN_SECRET: {"a signed value", "a link that sets a password"},
    f"{PLAIN_SECRET}; SESSION_ENGINE = 'django.contrib.sessions.backends.signed_cookies'": {
        "a session's key",
        "a signed value",
    },
}


@pytest.mark.parametrize("broken", BREAKS)
def test_a_project_that_does_not_is_told_where_it_leaks(run: Run, broken: str) -> None:
    done = run("manage.py", "check_isolation", "--json", "--skip-checks", LIBRARY_BROKEN=broken)
    assert done.returncode == 1, done.stdout + done.stderr
    leaks = {probe for (probe, _), result in results(done).items() if result["verdict"] == "LEAK"}
    assert BREAKS[broken] <= leaks
    assert [mine(names) for names in on_the_server()] == [set(), set()]


def test_a_leak_in_the_projects_own_code_is_found_by_the_projects_own_probe(run: Run) -> None:
    done = run("manage.py", "check_isolation", LIBRARY_CARELESS="1")
    assert done.returncode == 1
    assert "the index of words" in done.stderr
    assert re.search(r"other tenant\s+LEAK\s+a text of the owner's", done.stdout)


def test_who_may_make_no_database_is_told_so(run: Run) -> None:
    with psycopg.connect(**connection.get_connection_params() | {"dbname": "postgres"}, autocommit=True) as server:
        server.execute("CREATE ROLE test_postgres_nobody LOGIN PASSWORD 'x'")
        try:
            params = connection.get_connection_params()
            url = database_url("postgres").replace(f"//{params['user']}@", "//test_postgres_nobody:x@")
            done = run("manage.py", "check_isolation", DATABASE_URL=url)
        finally:
            server.execute("DROP ROLE test_postgres_nobody")
    assert (done.returncode, "CREATEDB" in done.stderr, "Traceback" in done.stderr) == (1, True, False)


def test_what_a_killed_run_left_is_taken_away_by_the_next(run: Run) -> None:
    """A database of that name without the session that it is called after."""
    with psycopg.connect(**connection.get_connection_params() | {"dbname": "postgres"}, autocommit=True) as server:
        server.execute("CREATE DATABASE postgres_isolation_2147483647")
        server.execute("CREATE ROLE postgres_isolation_2147483647_t_7")
    assert run("manage.py", "check_isolation").returncode == 0
    assert [mine(names) for names in on_the_server()] == [set(), set()]
