"""Where the server of a folder lives, out of reach of other users."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tenants.contrib.devserver.locks import open_private
from tenants.contrib.devserver.system_user import SystemUser, choose_user, owner_of
from tenants.errors import DatabaseUnavailable

OF_ROOT = Path("/var/lib/sangga")
"""Where the data are when root starts the server and its user cannot enter the project."""

PORT = "5432"
"""Of no network: it is only part of the socket's file name, and every server has a folder of its own."""

_SOCKET_PATH_MAX = 100
"""Bytes; the kernel's limit is 104 on macOS and 108 on Linux, with the NUL."""

_WHERE = """\
The data of this project's PostgreSQL are in {place}
because it was started by root, PostgreSQL refuses to run as root, and the user {user!r}, as which it runs
instead, cannot enter {folder}.
To begin anew: `manage.py embedded_postgres stop`, then delete both folders.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerDirectories:
    """The files of one server."""

    id: str
    """Random, made with the folder. Data that lie outside of it are found by this and not by its path, so that a
    folder made anew at the same place begins with no data."""
    folder: Path
    """The folder that it was last started for; another than it is asked for now if that has been moved."""
    base: Path
    user: SystemUser | None
    """None: the user that this process runs as."""

    @property
    def data(self) -> Path:
        return self.base / "data"

    @property
    def log(self) -> Path:
        return self.base / "postgres.log"

    @property
    def data_lock(self) -> Path:
        """The file whose lock is held by whatever works on the data: `initdb`, the server and all its children."""
        return self.base / "data.lock"

    @property
    def sockets(self) -> Path:
        inside = self.base / "run"
        # libpq reads a comma as the end of the host, and no system takes a long path for a socket.
        if len(os.fsencode(inside / f".s.PGSQL.{PORT}")) <= _SOCKET_PATH_MAX and "," not in str(inside):
            return inside
        checksum = hashlib.sha256(os.fsencode(f"{self.id} {self.base}")).hexdigest()
        # In /tmp anybody can be first; `make_sockets` and `has_private_sockets` look who was.
        return Path("/tmp") / f"sangga-{checksum[:16]}"  # noqa: S108

    @property
    def uid(self) -> int:
        return self.user.uid if self.user else os.geteuid()

    def give(self, path: Path) -> None:
        """Give a file or folder, just made by this process, to the user of the server."""
        if self.user:
            os.chown(path, self.user.uid, self.user.gid, follow_symlinks=False)

    def has_private_sockets(self) -> bool:
        """Return whether the socket's folder is one that nobody but the server's user, and root, may enter."""
        try:
            found = self.sockets.lstat()
        except OSError:
            return False
        return stat.S_ISDIR(found.st_mode) and found.st_uid == self.uid and not found.st_mode & 0o077

    def make_sockets(self) -> None:
        """Make the folder of the socket; raise `DatabaseUnavailable` if there is one that others can use."""
        with suppress(FileExistsError):
            self.sockets.mkdir(mode=0o700)
        if self.sockets.lstat().st_uid == os.geteuid():
            self.give(self.sockets)
        if not self.has_private_sockets():
            raise DatabaseUnavailable(
                f"{self.sockets}, the folder for PostgreSQL's socket, exists, but is not a folder that belongs to user "
                f"{self.uid} alone. Find out whose it is, remove it, and try again."
            )


def find_directories(folder: Path) -> ServerDirectories | None:
    """Return the directories of the server of `folder`, or None if it has none yet. Changes nothing."""
    identity = _read_id(folder)
    if identity is None:
        return None
    if os.geteuid():
        return ServerDirectories(id=identity, folder=folder, base=folder, user=None)
    place = OF_ROOT / identity
    if not place.is_dir():
        return ServerDirectories(id=identity, folder=folder, base=folder, user=owner_of(folder / "data"))
    began = _folder_of(place) or folder
    if began != folder and _read_id(began) == identity:
        return None  # a copy of a folder that is still there, and whose data it must not share
    return ServerDirectories(id=identity, folder=began, base=place, user=owner_of(place / "data"))


def make_folder(folder: Path) -> None:
    """Make `folder`, in which nobody else may write; raise `DatabaseUnavailable` if it is somebody else's."""
    user = os.geteuid()
    try:
        # Root's is passable, so that the user of the server can get to what is its own in there.
        folder.mkdir(mode=0o700 if user else 0o711, parents=True, exist_ok=True)
        found = folder.stat()
        if found.st_uid == user and found.st_mode & 0o022:
            folder.chmod(found.st_mode & 0o755)
    except OSError as error:
        raise DatabaseUnavailable(
            f"{folder}, the folder for PostgreSQL's data, cannot be made: {error.strerror}. "
            f"Choose a folder that user {user} may write, or set DATABASE_URL."
        ) from error
    if found.st_uid != user:
        raise DatabaseUnavailable(
            f"{folder}, the folder for PostgreSQL's data, belongs to user {found.st_uid}, and this is user {user}. "
            f"Go on as the user who began, or choose another folder, or set DATABASE_URL."
        )


def make_directories(folder: Path) -> ServerDirectories:
    """Return the directories of the server of `folder`, created if missing. The caller holds the lock of `folder`."""
    dirs = find_directories(folder) or ServerDirectories(id=_make_id(folder), folder=folder, base=folder, user=None)
    if os.geteuid():
        return dirs
    user = dirs.user or choose_user()
    place = dirs.base
    if place == folder and not dirs.data.exists() and not user.can_enter(folder):
        place = OF_ROOT / dirs.id
    if place != folder:
        for made in (OF_ROOT, place):
            made.mkdir(parents=True, exist_ok=True)
            made.chmod(0o711)
        (place / "folder").write_text(f"{folder}\n")
        (folder / "where.txt").write_text(_WHERE.format(base=place, user=user.name, folder=folder))
    return ServerDirectories(id=dirs.id, folder=folder, base=place, user=user)


def stale_servers() -> Iterator[ServerDirectories]:
    """Yield the homes below `OF_ROOT` whose folder is gone.

    A server whose data folder is deleted ends by itself within a minute; one whose data lie elsewhere does not.
    """
    for place in OF_ROOT.iterdir():
        folder = _folder_of(place)
        if folder and _read_id(folder) != place.name:
            yield ServerDirectories(id=place.name, folder=folder, base=place, user=owner_of(place / "data"))


def _make_id(folder: Path) -> str:
    identity = secrets.token_hex(16)
    unfinished = folder / "id.unfinished"
    with open_private(unfinished) as file:
        file.truncate(0)
        file.write(f"{identity}\n".encode())
        file.flush()
        os.fsync(file.fileno())  # data that lie elsewhere cannot be found without it
    unfinished.rename(folder / "id")
    return identity


def _read_id(folder: Path) -> str | None:
    """Return the id in a folder of the current user, or None."""
    try:
        if folder.stat().st_uid != os.geteuid():
            return None
        identity = (folder / "id").read_text().strip()
    except OSError:
        return None
    # It becomes part of a path that root trusts.
    return identity if re.fullmatch(r"[0-9a-f]{32}", identity) else None


def _folder_of(place: Path) -> Path | None:
    """Return the folder that `place` was made for, or None if a kill came before that was written."""
    try:
        return Path((place / "folder").read_text().rstrip("\n"))
    except OSError:
        return None
