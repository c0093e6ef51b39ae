"""Crash recovery: after any kill the next start succeeds and the data are there."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress

import pytest

from tenants.contrib.devserver import EmbeddedPostgres
from tenants.contrib.devserver import server as server_room
from tenants.errors import DatabaseUnavailable
from tests.tenants.contrib.devserver.conftest import (
    NewServer,
    ask,
    connect,
    directories_of,
    postmaster_of,
    processes_of,
    result_of,
    start_process,
    tell,
)


@pytest.fixture
def filled(running: EmbeddedPostgres) -> EmbeddedPostgres:
    """A running server with a table of 1000 committed rows."""
    tell(running, "DROP TABLE IF EXISTS kept")
    tell(running, "CREATE TABLE kept AS SELECT n FROM generate_series(1, 1000) n")
    return running


def rows_of(server: EmbeddedPostgres) -> int:
    """Return the number of rows left of the 1000."""
    count: int = ask(server, "SELECT count(*) FROM kept")
    return count


def set_pid(server: EmbeddedPostgres, pid: int) -> None:
    """Write another process's id into the pid file that a crash left."""
    file = directories_of(server).data / "postmaster.pid"
    file.write_text("\n".join([str(pid), *file.read_text().splitlines()[1:], ""]))


def kill(server: EmbeddedPostgres, *processes: int) -> None:
    """Kill processes of the server, and wait until it accepts no more connections."""
    for process in processes:
        with suppress(ProcessLookupError):  # one's end is the end of others
            os.kill(process, signal.SIGKILL)
    while server.is_running():
        time.sleep(0.01)


def kill_all(server: EmbeddedPostgres) -> None:
    kill(server, *processes_of(server))


def test_after_a_kill_of_the_first_process_the_data_are_there(filled: EmbeddedPostgres) -> None:
    kill(filled, postmaster_of(filled))
    filled.start()
    assert rows_of(filled) == 1000


def test_after_a_kill_of_all_processes_the_data_are_there(filled: EmbeddedPostgres) -> None:
    kill_all(filled)
    filled.start()
    assert rows_of(filled) == 1000


def test_a_dead_server_is_not_said_to_run(filled: EmbeddedPostgres) -> None:
    kill_all(filled)
    assert filled.is_running() is False
    assert filled.stop() is False


def test_pid_file_with_a_foreign_process_is_ignored(filled: EmbeddedPostgres) -> None:
    kill_all(filled)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        set_pid(filled, other.pid)
        assert filled.stop() is False
        filled.start()
        assert rows_of(filled) == 1000
        assert other.poll() is None
        other.terminate()


def test_a_pid_file_that_names_a_zombie_stops_no_start(filled: EmbeddedPostgres) -> None:
    kill_all(filled)
    with subprocess.Popen(["true"]) as zombie:
        os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)
        set_pid(filled, zombie.pid)
        filled.start()
        assert rows_of(filled) == 1000


def test_an_empty_pid_file_stops_no_start(filled: EmbeddedPostgres) -> None:
    kill_all(filled)
    (directories_of(filled).data / "postmaster.pid").write_text("")
    filled.start()
    assert rows_of(filled) == 1000


def test_nothing_is_started_beside_what_is_left_of_a_server(
    filled: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_room, "_LEAVE_SECONDS", 0.3)
    with connect(filled) as connection:
        left = connection.info.backend_pid
        os.kill(left, signal.SIGSTOP)
        kill(filled, postmaster_of(filled))
        with pytest.raises(DatabaseUnavailable, match=r"Processes of an earlier server .* end them, and try again"):
            filled.start()
        os.kill(left, signal.SIGKILL)
        filled.start()
        assert rows_of(filled) == 1000


def test_a_start_that_is_killed_at_any_moment_is_mended_by_the_next(server: EmbeddedPostgres) -> None:
    began = time.monotonic()
    server.start()
    takes = time.monotonic() - began
    server.stop()
    shutil.rmtree(server.folder)
    for part, strike in ((0.1, os.kill), (0.4, os.killpg), (0.7, os.kill), (0.8, os.killpg), (0.9, os.kill)):
        with start_process(server.folder, start_new_session=True) as process:
            time.sleep(part * takes)
            strike(process.pid, signal.SIGKILL)
    assert result_of(start_process(server.folder))["host"] == str(directories_of(server).sockets)
    assert ask(server, "SELECT count(*) FROM pg_database") == 3
    assert {path.name for path in directories_of(server).base.glob("*unfinished*")} == set()


def test_a_folder_that_is_moved_while_its_server_runs_keeps_it(filled: EmbeddedPostgres, new_server: NewServer) -> None:
    moved = new_server(filled.folder.rename(filled.folder.with_name("moved")))
    moved.start()
    assert rows_of(moved) == 1000
    assert moved.stop() is True
    moved.start()
    assert rows_of(moved) == 1000
    moved.folder.rename(filled.folder)
    assert filled.is_running()


def test_a_copy_of_a_folder_whose_server_runs_is_another_server(
    filled: EmbeddedPostgres, new_server: NewServer
) -> None:
    copy = new_server(filled.folder.with_name("copy"))
    subprocess.run(["cp", "-a", filled.folder, copy.folder], check=True)
    assert copy.is_running() is False
    copy.start()
    tell(copy, "DELETE FROM kept")
    assert (rows_of(copy), rows_of(filled)) == (0, 1000)


def test_what_stops_a_start_is_told_with_the_end_of_the_log(filled: EmbeddedPostgres) -> None:
    filled.stop()
    settings = directories_of(filled).data / "postgresql.conf"
    before = settings.read_text()
    settings.write_text(f"{before}\nmax_conections = 3\n")
    with pytest.raises(DatabaseUnavailable, match="max_conections") as caught:
        filled.start()
    assert str(directories_of(filled).log) in str(caught.value)
    assert "set DATABASE_URL" in str(caught.value)
    settings.write_text(before)
    filled.start()
    assert rows_of(filled) == 1000
