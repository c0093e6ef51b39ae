"""The test kit in a small third-party project: other apps, other settings, Django's own admin."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from tests.acceptance.foreign import Run, RunInCopy, a_session, left_by
from tests.acceptance.test_worker import database_url

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def run(run_in_copy: RunInCopy) -> Run:
    """Return a function that runs a command in a copy of the foreign project, on the server of these tests."""
    return run_in_copy("foreign", "LIBRARY_MEDIA")


def results(done: subprocess.CompletedProcess[str]) -> dict[tuple[str, str], dict[str, Any]]:
    found = json.loads(done.stdout)
    return {(result["probe"], result["reader"]): result for result in found}


def test_the_plugin_serves_a_project_that_is_not_ours_in_parallel_too(run: Run, database: str) -> None:
    done = run("-m", "pytest", "-q", "-n", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "127 passed" in done.stdout
    assert left_by(database) == set()


def test_a_project_that_keeps_tenants_apart_passes_and_nothing_is_left(run: Run, database: str, tmp_path: Path) -> None:
    checked = run("manage.py", "check", "--fail-level", "WARNING")
    assert checked.returncode == 0, checked.stderr
    done = run("manage.py", "check_isolation", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    found = results(done)
    assert {result["verdict"] for result in found.values()} == {"isolated"}, "and nothing was skipped"
    for probe in ("rows through the ORM", "cache 'default'", "sites in memory", "the index of words"):
        assert (probe, "other tenant") in found
    assert left_by(database) == set()
    assert list((tmp_path / "media").iterdir()) == []


CACHE = "CACHES['default']"
PLAIN_SECRET = "SECRET_KEY = 'one-for-all-0123456789-abcdefghijklmnopqrstuvwxyz'"
BREAKS = {
    "CARELESS_ADMIN = True": {"the control plane in an admin"},
    f"{CACHE}.pop('KEY_FUNCTION')": {"cache 'default'", "pages without parameters"},
    "STORAGES['default']['BACKEND'] = 'django.core.files.storage.FileSystemStorage'": {"storage 'default'"},
    PLAIN_SECRET: {"a signed value", "a password link"},
    f"{PLAIN_SECRET}; SESSION_ENGINE = 'django.contrib.sessions.backends.signed_cookies'": {
        "a session key",
        "a signed value",
    },
    "INSTALLED_APPS.append('library.careless.UnscopedSites')": {"sites in memory"},
}


@pytest.mark.parametrize("broken", BREAKS)
def test_a_project_that_does_not_is_told_where_it_leaks(run: Run, database: str, broken: str) -> None:
    done = run("manage.py", "check_isolation", "--json", "--skip-checks", LIBRARY_BROKEN=broken)
    assert done.returncode == 1, done.stdout + done.stderr
    leaks = {probe for (probe, _), result in results(done).items() if result["verdict"] == "LEAK"}
    assert BREAKS[broken] <= leaks
    assert left_by(database) == set()


def test_a_leak_in_the_projects_own_code_is_found_by_the_projects_own_probe(run: Run) -> None:
    done = run("manage.py", "check_isolation", LIBRARY_CARELESS="1")
    assert done.returncode == 1
    assert "the index of words" in done.stderr
    assert re.search(r"other tenant\s+LEAK\s+a text of the owner's", done.stdout)


def test_who_may_make_no_database_is_told_so(run: Run, database: str) -> None:
    role = f"test_{database}_nobody"
    with a_session() as server:
        server.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'x'".encode())
        try:
            params = connection.get_connection_params()
            url = database_url(database).replace(f"//{params['user']}@", f"//{role}:x@")
            done = run("manage.py", "check_isolation", DATABASE_URL=url)
        finally:
            server.execute(f"DROP ROLE {role}".encode())
    assert (done.returncode, "CREATEDB" in done.stderr, "Traceback" in done.stderr) == (1, True, False)


def test_what_a_killed_run_left_is_taken_away_by_the_next(run: Run, database: str) -> None:
    """A database of that name without the session that it is called after."""
    left = f"{database}_isolation_2147483647"
    with a_session() as server:
        server.execute(f"CREATE DATABASE {left}".encode())
        server.execute(f"CREATE ROLE {left}_t_7".encode())
    assert left_by(database) == {left, f"{left}_t_7"}
    assert run("manage.py", "check_isolation").returncode == 0
    assert left_by(database) == set()


def test_this_project_passes_in_a_fresh_clone(database: str, tmp_path: Path) -> None:
    """Fault 23: two of its 48 probes proved nothing, and the exit code was 1."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST", "DJANGO", "SANGGA"))}
    environment = {**kept, "DATABASE_URL": database_url(database), "SANGGA_DATA_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "manage.py", "check_isolation", "--json"],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=280,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    found = results(done)
    assert {result["verdict"] for result in found.values()} == {"isolated", "skipped"}
    assert {probe for (probe, _), result in found.items() if result["verdict"] == "skipped"} == {"sites in memory"}
    assert left_by(database) == set()


def test_make_test_checks_the_isolation_too() -> None:
    """Fault 23."""
    rules = (ROOT / "Makefile").read_text()
    contracts = rules[rules.index("\ncontracts:") :].split("\n\n")[0]
    assert "manage.py check_isolation" in contracts
    assert "-j 2 contracts tests" in rules


@pytest.mark.parametrize("words", [[], ["--parallel", "2"]], ids=["plain", "parallel"])
def test_djangos_own_test_runner_leaves_nothing(run: Run, database: str, words: list[str], tmp_path: Path) -> None:
    """Fault 24: after any request the database was "being accessed by other users", and roles stayed."""
    (tmp_path / "temporary").mkdir()
    done = run("manage.py", "test", *words, TMPDIR=str(tmp_path / "temporary"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Ran 17 tests" in done.stderr
    assert left_by(database) == set()
    assert [*(tmp_path / "temporary").iterdir(), *(tmp_path / "media").iterdir()] == []


def test_djangos_own_test_runner_takes_away_what_a_killed_run_left(run: Run, database: str) -> None:
    with a_session() as server:
        server.execute(f"CREATE DATABASE test_{database}".encode())
        server.execute(f"CREATE ROLE test_{database}_t_7".encode())
    done = run("manage.py", "test", "--noinput", "notes.tests.NotesTest")
    assert done.returncode == 0, done.stdout + done.stderr
    assert left_by(database) == set()


def test_a_database_that_is_kept_serves_the_next_run(run: Run, database: str) -> None:
    """Fault 24: `--keepdb` of Django's runner, and `--reuse-db` of pytest-django."""
    for _ in range(2):
        done = run("manage.py", "test", "--keepdb")
        assert done.returncode == 0, done.stdout + done.stderr
    for _ in range(2):
        reused = run("-m", "pytest", "-q", "--reuse-db", "test_committed.py")
        assert reused.returncode == 0, reused.stdout + reused.stderr
    with a_session() as server:
        server.execute(f"DROP DATABASE test_{database} WITH (FORCE)".encode())
        for role in left_by(database):
            server.execute(f'DROP ROLE "{role}"'.encode())
