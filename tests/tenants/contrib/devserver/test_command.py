"""`manage.py embedded_postgres`: status, start, stop and psql of the project's server."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tenants.contrib.devserver import EmbeddedPostgres
from tests.tenants.contrib.devserver.conftest import connect, directories_of


@pytest.fixture(autouse=True)
def _of_the_project(running: EmbeddedPostgres, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    database = settings.DATABASES["default"] | {"OPTIONS": {"embedded": str(running.folder)}, "NAME": "sangga"}
    monkeypatch.setitem(settings.DATABASES, "default", database)


def command(*arguments: str) -> str:
    """Return what the command prints."""
    out = StringIO()
    call_command("embedded_postgres", *arguments, stdout=out)
    return out.getvalue()


def test_status_of_a_stopped_server_is_in_the_exit_code(running: EmbeddedPostgres) -> None:
    running.stop()
    with pytest.raises(SystemExit, match="3"):
        command("status")


def test_start_says_where_the_data_and_the_log_are(running: EmbeddedPostgres) -> None:
    running.stop()
    said = command("start")
    assert said.startswith("running")
    assert str(directories_of(running).data) in said
    assert str(directories_of(running).log) in said
    assert command("status") == said


def test_stop_if_unused_leaves_a_server_in_use(running: EmbeddedPostgres) -> None:
    with connect(running):
        assert command("stop", "--if-unused") == "still running: clients are connected\n"
    assert command("stop") == "stopped\n"
    assert command("stop") == "was not running\n"


def test_psql_opens_the_database_of_the_project(capfd: pytest.CaptureFixture[str]) -> None:
    command("psql", "--", "-Atc", "SELECT current_database()")
    assert capfd.readouterr().out == "sangga\n"


def test_psql_fails_with_its_own_exit_code() -> None:
    with pytest.raises(SystemExit, match="1"):
        command("psql", "--", "-c", "SELECT nonsense")


def test_with_a_server_of_ones_own_there_is_nothing_to_look_after(settings: Any) -> None:
    settings.DATABASES["default"]["OPTIONS"] = {}
    with pytest.raises(CommandError, match="DATABASE_URL is set"):
        command("status")
