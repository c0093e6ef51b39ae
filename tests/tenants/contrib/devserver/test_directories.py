"""Directories of a server: private to one user, with any path, for root and for ordinary users."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tenants.contrib.devserver import EmbeddedPostgres
from tenants.contrib.devserver.binaries import copy_programs, find_bindir
from tenants.contrib.devserver.directories import ROOT_BASE
from tenants.contrib.devserver.system_user import SystemUser
from tenants.errors import DatabaseUnavailable
from tests.tenants.contrib.devserver.conftest import (
    NewServer,
    as_root,
    ask,
    directories_of,
    discard,
    result_of,
    start_process,
    tell,
)


def test_a_path_too_long_for_a_socket_gets_its_socket_elsewhere(new_server: NewServer, open_folder: Path) -> None:
    server = new_server(open_folder / ("long" * 15) / ("path" * 15))
    server.start()
    dirs = directories_of(server)
    assert dirs.data.is_relative_to(server.folder)
    assert dirs.sockets.parent == Path("/tmp")
    assert dirs.sockets.stat().st_mode & 0o777 == 0o700
    assert ask(server, "SELECT 1") == 1


@pytest.mark.parametrize("name", ["a, b", '상 가 it\'s "quoted" $HOME \\n %d'])
@pytest.mark.usefixtures("programs_for_all")
def test_an_odd_path_is_a_path(new_server: NewServer, open_folder: Path, name: str) -> None:
    server = new_server(open_folder / name / "postgres")
    server.start()
    assert ask(server, "SHOW data_directory") == str(server.folder / "data")


def test_a_socket_folder_that_others_may_enter_is_refused(running: EmbeddedPostgres) -> None:
    running.stop()
    directories_of(running).sockets.chmod(0o755)
    with pytest.raises(DatabaseUnavailable, match="is not private to user"):
        running.start()
    directories_of(running).sockets.chmod(0o700)


def test_a_link_in_place_of_the_socket_folder_is_refused(running: EmbeddedPostgres) -> None:
    running.stop()
    sockets = directories_of(running).sockets
    elsewhere = sockets.rename(sockets.with_name("elsewhere"))
    sockets.symlink_to(elsewhere)
    with pytest.raises(DatabaseUnavailable, match="is not private to user"):
        running.start()
    sockets.unlink()
    elsewhere.rename(sockets)


def test_a_folder_that_others_may_write_is_closed_to_them(new_server: NewServer, open_folder: Path) -> None:
    server = new_server(open_folder / "postgres")
    server.folder.mkdir()
    server.folder.chmod(0o777)
    server.start()
    assert server.folder.stat().st_mode & 0o022 == 0


def test_folder_that_cannot_be_created_is_reported(new_server: NewServer, open_folder: Path) -> None:
    (open_folder / "file").touch()
    with pytest.raises(DatabaseUnavailable, match=r"failed: Not a directory\. Choose a folder"):
        new_server(open_folder / "file" / "postgres").start()


class TestOrdinaryUser:
    """A user other than root with a project; `nobody`, if root runs the tests."""

    @pytest.fixture
    def project(self, open_folder: Path, stranger: SystemUser, programs_for_all: None) -> Iterator[Path]:
        project = open_folder / "project"
        project.mkdir(mode=0o750)
        if os.geteuid() == 0:
            os.chown(project, stranger.uid, stranger.gid)
        yield project
        if os.geteuid() == 0 and (project / "postgres").exists():
            subprocess.run(
                [find_bindir() / "pg_ctl", "stop", "-m", "fast", "-D", project / "postgres" / "data"],
                check=True,
                capture_output=True,
                **stranger.identity,
            )
        else:
            discard(EmbeddedPostgres(project / "postgres"))

    def start(self, project: Path) -> dict[str, str]:
        """Start the server as that user."""
        return result_of(start_process(project / "postgres", "nobody" if os.geteuid() == 0 else ""))

    def test_root_gets_a_private_server_and_project_files_keep_their_modes(self, project: Path) -> None:
        assert self.start(project) == {"host": str(project / "postgres" / "run"), "port": "5432", "user": "postgres"}
        made = [project / "postgres", project / "postgres" / "data", project / "postgres" / "run"]
        assert [path.stat().st_mode & 0o777 for path in made] == [0o700, 0o700, 0o700]
        assert {path.stat().st_uid for path in made} == {project.stat().st_uid}
        assert project.stat().st_mode & 0o777 == 0o750

    @as_root
    def test_root_is_refused_in_their_folder(self, project: Path, new_server: NewServer) -> None:
        self.start(project)
        with pytest.raises(
            DatabaseUnavailable, match=r"belongs to user 65534, and this is user 0\. Run this as that user"
        ):
            new_server(project / "postgres").start()


@as_root
class TestRoot:
    """PostgreSQL refuses to run as root, so it runs as another user with few permissions."""

    @pytest.fixture
    def closed(self, open_folder: Path) -> Path:
        """A folder like /root, which other users cannot enter."""
        folder = open_folder / "closed"
        folder.mkdir(mode=0o700)
        return folder

    def test_runs_it_as_an_account_that_is_not_root(self, running: EmbeddedPostgres) -> None:
        dirs = directories_of(running)
        assert dirs.base == running.folder
        assert {path.owner() for path in (dirs.data, dirs.sockets, dirs.log)} <= {
            "postgres",
            "nobody",
        }
        assert {path.owner() for path in (running.folder, dirs.data_lock)} == {"root"}

    def test_refuses_connections_of_other_users(self, running: EmbeddedPostgres, stranger: SystemUser) -> None:
        if directories_of(running).user == stranger:
            pytest.skip("this system has no user 'postgres'")
        socket = directories_of(running).sockets / ".s.PGSQL.5432"
        connect = f"import socket; socket.socket(socket.AF_UNIX).connect({str(socket)!r})"
        ended = subprocess.run(["python3", "-c", connect], capture_output=True, text=True, **stranger.identity)
        assert "PermissionError" in ended.stderr

    def test_is_followed_by_no_other_user(self, running: EmbeddedPostgres) -> None:
        refused = result_of(start_process(running.folder, "nobody"))
        assert "belongs to user 0, and this is user 65534" in refused["error"]

    def test_data_are_kept_elsewhere_if_the_account_cannot_enter_the_folder(
        self, closed: Path, new_server: NewServer
    ) -> None:
        server = new_server(closed / "project" / "postgres")
        server.start()
        dirs = directories_of(server)
        assert dirs.base.parent == ROOT_BASE
        assert str(dirs.base) in (server.folder / "where.txt").read_text()
        tell(server, "CREATE TABLE kept AS SELECT 7 AS n")
        server.stop()
        server.start()
        assert ask(server, "SELECT n FROM kept") == 7
        assert closed.stat().st_mode & 0o777 == 0o700

    def test_recreated_folder_has_no_data_and_stops_the_old_server(self, closed: Path, new_server: NewServer) -> None:
        first = new_server(closed / "postgres")
        first.start()
        tell(first, "CREATE TABLE old ()")
        old = directories_of(first)
        shutil.rmtree(first.folder)
        try:
            second = new_server(closed / "postgres")
            second.start()
            assert directories_of(second).base != old.base
            assert ask(second, "SELECT to_regclass('old')") is None
            assert not (old.data / "postmaster.pid").exists()
            assert (old.data / "PG_VERSION").exists()
        finally:
            shutil.rmtree(old.base)

    def test_a_copied_folder_does_not_share_the_data(self, closed: Path, new_server: NewServer) -> None:
        original, copy = new_server(closed / "postgres"), new_server(closed / "copy")
        original.start()
        shutil.copytree(original.folder, copy.folder)
        assert copy.is_running() is False
        copy.start()
        assert directories_of(copy).base != directories_of(original).base
        assert original.is_running()

    def test_a_moved_folder_keeps_its_data(self, closed: Path, new_server: NewServer) -> None:
        server = new_server(closed / "postgres")
        server.start()
        place = directories_of(server).base
        moved = new_server(server.folder.rename(closed / "moved"))
        assert moved.is_running()
        moved.start()
        assert directories_of(moved).base == place
        assert str(closed / "moved") in (moved.folder / "where.txt").read_text()
        copy = new_server(closed / "copy")
        shutil.copytree(moved.folder, copy.folder)
        assert copy.is_running() is False
        assert moved.is_running()

    def test_copies_programs_that_the_account_cannot_run(
        self, closed: Path, server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        programs = copy_programs(find_bindir(), closed)
        monkeypatch.setenv("PG_BINDIR", str(programs))
        for _ in range(2):
            server.start()
            server.stop()
        assert len(list(server.folder.glob("programs-*"))) == 1
        assert server.bindir == programs

    def test_copies_programs_again_when_they_change(self, closed: Path, server: EmbeddedPostgres) -> None:
        programs = copy_programs(find_bindir(), closed)
        server.folder.mkdir()
        first = copy_programs(programs, server.folder)
        os.utime(programs / "postgres", (1, 1))
        second = copy_programs(programs, server.folder)
        assert first != second
        assert not first.exists()
        assert (second / "postgres").exists()

    def test_goes_on_as_the_account_that_owns_the_data(self, server: EmbeddedPostgres) -> None:
        server.start()
        server.stop()
        other = pwd.getpwnam("nobody" if directories_of(server).data.owner() == "postgres" else "daemon")
        for path in (
            directories_of(server).log,
            directories_of(server).sockets,
            *directories_of(server).data.rglob("*"),
        ):
            os.chown(path, other.pw_uid, other.pw_gid, follow_symlinks=False)
        os.chown(directories_of(server).data, other.pw_uid, other.pw_gid)
        server.start()
        assert ask(server, "SELECT 1") == 1
        assert directories_of(server).uid == other.pw_uid
