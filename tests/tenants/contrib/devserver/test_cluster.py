"""Server of a folder: status, start, stop and sharing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from tenants.contrib.devserver import Address, EmbeddedPostgres, embedded
from tenants.contrib.devserver.binaries import find_bindir
from tenants.errors import DatabaseUnavailable
from tests.tenants.contrib.devserver.conftest import ask, connect, directories_of, result_of, start_process, tell
from tests.waiting import eventually


def test_start_says_how_to_connect(running: EmbeddedPostgres) -> None:
    address = running.start()
    assert address == Address(host=str(directories_of(running).sockets), port="5432", user="postgres")
    assert ask(running, "SELECT current_user") == "postgres"


def test_a_running_server_is_found_without_running_a_program(
    running: EmbeddedPostgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = running.start()
    monkeypatch.setenv("PG_BINDIR", str(tmp_path))
    with pytest.raises(DatabaseUnavailable, match="no program"):
        find_bindir()
    assert running.start() == address


def test_a_folder_has_one_server_per_process(running: EmbeddedPostgres) -> None:
    assert embedded(str(running.folder)) is embedded(str(running.folder))
    assert embedded(running.folder).is_running()


def test_it_listens_on_no_network(running: EmbeddedPostgres) -> None:
    assert ask(running, "SHOW listen_addresses") == ""


def test_socket_is_in_a_private_folder(running: EmbeddedPostgres) -> None:
    sockets = directories_of(running).sockets
    assert sockets.stat().st_mode & 0o777 == 0o700
    assert (sockets / ".s.PGSQL.5432").stat().st_mode & 0o777 == 0o700


def test_no_other_user_may_read_a_lock_and_so_hold_it(running: EmbeddedPostgres) -> None:
    locks = [running.folder / "start.lock", directories_of(running).data_lock]
    assert [lock.stat().st_mode & 0o777 for lock in locks] == [0o600, 0o600]


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("TimeZone", "UTC"),
        ("log_timezone", "UTC"),
        ("server_encoding", "UTF8"),
        ("max_connections", "200"),
        ("max_locks_per_transaction", "1024"),
        ("data_checksums", "on"),
        ("fsync", "on"),
    ],
)
def test_its_settings_are_ours(running: EmbeddedPostgres, setting: str, value: str) -> None:
    assert ask(running, f"SHOW {setting}") == value


def test_text_sorts_alike_on_every_system(running: EmbeddedPostgres) -> None:
    assert ask(running, "SELECT string_agg(w, ' ' ORDER BY w) FROM unnest('{상,é,b,Z,a}'::text[]) w") == "Z a b é 상"
    assert ask(running, "SELECT upper('éß')") == "Éß"


def test_it_sees_nothing_of_our_environment(running: EmbeddedPostgres) -> None:
    with connect(running) as connection:
        connection.execute("CREATE TEMPORARY TABLE variable (line text)")
        connection.execute("COPY variable FROM PROGRAM 'env'")
        names = {line.partition("=")[0] for (line,) in connection.execute("SELECT line FROM variable")}
    assert not {name for name in names if "SECRET" in name or "DJANGO" in name or name == "HOME"}


@pytest.mark.parametrize("name", ["sangga", "상가", 'with "quotes" and spaces', "-odd;name"])
def test_ensure_database_makes_what_is_missing(running: EmbeddedPostgres, name: str) -> None:
    for _ in range(2):
        running.ensure_database(name)
    assert ask(running, "SELECT array_agg(datname) FROM pg_database").count(name) == 1


def test_threads_that_need_the_same_database_make_it_once(running: EmbeddedPostgres) -> None:
    with ThreadPoolExecutor(6) as threads:
        list(threads.map(running.ensure_database, ["wanted"] * 6))
    assert ask(running, "SELECT count(*) FROM pg_database WHERE datname = 'wanted'") == 1


def test_a_server_in_use_is_not_stopped_if_unused(running: EmbeddedPostgres) -> None:
    with connect(running):
        assert running.stop(if_unused=True) is False
        assert running.is_running()


def test_a_server_that_has_no_place_for_another_client_is_in_use(running: EmbeddedPostgres) -> None:
    connections = [connect(running) for _ in range(200)]
    try:
        assert running.stop(if_unused=True) is False
    finally:
        for connection in connections:
            connection.close()


def test_an_unused_server_is_stopped_if_unused_and_its_data_stay(running: EmbeddedPostgres) -> None:
    tell(running, "CREATE TABLE stays AS SELECT 7 AS n")
    # PostgreSQL counts a client that has just gone for a moment longer.
    assert eventually(lambda: running.stop(if_unused=True))
    assert not running.is_running()
    running.start()
    assert ask(running, "SELECT n FROM stays") == 7


def test_stop_ends_those_who_are_connected(running: EmbeddedPostgres) -> None:
    connection = connect(running)
    connection.execute("BEGIN")
    assert running.stop() is True
    with pytest.raises(psycopg.OperationalError):
        connection.execute("SELECT 1")
    connection.close()
    assert not running.is_running()
    assert running.stop() is False


def test_asking_about_a_server_that_never_was_makes_nothing(server: EmbeddedPostgres) -> None:
    assert server.directories is None
    assert server.is_running() is False
    assert server.stop() is False
    assert not server.folder.exists()


def test_threads_that_start_at_once_share_one_server(server: EmbeddedPostgres) -> None:
    with ThreadPoolExecutor(8) as threads:
        addresses = set(threads.map(lambda _: server.start(), range(8)))
    assert len(addresses) == 1
    assert starts_of(server) == 1


def test_processes_that_start_at_once_share_one_server(server: EmbeddedPostgres) -> None:
    processes = [start_process(server.folder) for _ in range(8)]
    hosts = [result_of(process)["host"] for process in processes]
    assert hosts == [str(directories_of(server).sockets)] * 8
    assert starts_of(server) == 1


def test_a_long_log_is_put_aside(running: EmbeddedPostgres) -> None:
    running.stop()
    log = directories_of(running).log
    with log.open("a") as file:
        file.truncate(11_000_000)
    running.start()
    assert log.stat().st_size < 100_000
    assert log.with_suffix(".log.1").stat().st_size == 11_000_000


def starts_of(server: EmbeddedPostgres) -> int:
    """Return how often a server was started, by its log."""
    return directories_of(server).log.read_text().count("LOG:  starting PostgreSQL")
