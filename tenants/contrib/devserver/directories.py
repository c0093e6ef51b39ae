"""Directories of a server: data, log and socket, which other users cannot access."""

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

ROOT_BASE = Path("/var/lib/sangga")
"""Folder of the data if root starts the server and the server's user cannot enter the project."""

PORT = "5432"
"""Part of the socket's file name. Each server has its own folder, so all can have the same port."""

_SOCKET_PATH_MAX = 100
"""Bytes. The limit of the kernel is 104 on macOS and 108 on Linux, including the NUL."""

_WHERE = """\
The data of this project's PostgreSQL are in {base}
because root started it. PostgreSQL refuses to run as root, so it runs as the user {user!r},
who cannot enter {folder}.
To delete the data: `manage.py embedded_postgres stop`, then delete both folders.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerDirectories:
    """The directories and files of one server."""

    id: str
    """Random, created with the folder. It names the data of root's servers; so a new folder under an old path has no
    data."""
    folder: Path
    """The folder that the server was last started for. It differs from the requested one after a move."""
    base: Path
    user: SystemUser | None
    """The user that runs the server. None: the user of this process."""

    @property
    def data(self) -> Path:
        return self.base / "data"

    @property
    def log(self) -> Path:
        return self.base / "postgres.log"

    @property
    def data_lock(self) -> Path:
        """The file that `initdb`, the server and all its children lock while they use the data."""
        return self.base / "data.lock"

    @property
    def sockets(self) -> Path:
        inside = self.base / "run"
        # libpq takes a comma for the end of the host, and the kernel limits the length of a socket's path.
        if len(os.fsencode(inside / f".s.PGSQL.{PORT}")) <= _SOCKET_PATH_MAX and "," not in str(inside):
            return inside
        checksum = hashlib.sha256(os.fsencode(f"{self.id} {self.base}")).hexdigest()
        # Any user can create this folder in /tmp first. `make_sockets` and `has_private_sockets` check the owner.
        return Path("/tmp") / f"sangga-{checksum[:16]}"  # noqa: S108

    @property
    def uid(self) -> int:
        return self.user.uid if self.user else os.geteuid()

    def chown(self, path: Path) -> None:
        """Make the server's user the owner of a file or folder that this process has just created."""
        if self.user:
            os.chown(path, self.user.uid, self.user.gid, follow_symlinks=False)

    def has_private_sockets(self) -> bool:
        """Return whether only the server's user and root can enter the folder of the socket."""
        try:
            found = self.sockets.lstat()
        except OSError:
            return False
        return stat.S_ISDIR(found.st_mode) and found.st_uid == self.uid and not found.st_mode & 0o077

    def make_sockets(self) -> None:
        """Create the folder of the socket; raise `DatabaseUnavailable` if other users can enter it."""
        with suppress(FileExistsError):
            self.sockets.mkdir(mode=0o700)
        if self.sockets.lstat().st_uid == os.geteuid():
            self.chown(self.sockets)
        if not self.has_private_sockets():
            raise DatabaseUnavailable(
                f"The folder {self.sockets} for PostgreSQL's socket is not private to user {self.uid}. Check who "
                f"created it, remove it, and try again."
            )


def find_directories(folder: Path) -> ServerDirectories | None:
    """Return the directories of the server of `folder`, or None if they do not exist yet. Changes nothing."""
    identity = _read_id(folder)
    if identity is None:
        return None
    if os.geteuid():
        return ServerDirectories(id=identity, folder=folder, base=folder, user=None)
    base = ROOT_BASE / identity
    if not base.is_dir():
        return ServerDirectories(id=identity, folder=folder, base=folder, user=owner_of(folder / "data"))
    original = _folder_of(base) or folder
    if original != folder and _read_id(original) == identity:
        return None  # `folder` is a copy: the original exists, and the two must not share data
    return ServerDirectories(id=identity, folder=original, base=base, user=owner_of(base / "data"))


def make_folder(folder: Path) -> None:
    """Create `folder`, writable by its owner only; raise `DatabaseUnavailable` if another user owns it."""
    user = os.geteuid()
    try:
        # The server's user has to pass through root's folder to its own files.
        folder.mkdir(mode=0o700 if user else 0o711, parents=True, exist_ok=True)
        found = folder.stat()
        if found.st_uid == user and found.st_mode & 0o022:
            folder.chmod(found.st_mode & 0o755)
    except OSError as error:
        raise DatabaseUnavailable(
            f"Creating the folder {folder} for PostgreSQL's data failed: {error.strerror}. Choose a folder that user "
            f"{user} can write, or set DATABASE_URL."
        ) from error
    if found.st_uid != user:
        raise DatabaseUnavailable(
            f"The folder {folder} for PostgreSQL's data belongs to user {found.st_uid}, and this is user {user}. Run "
            f"this as that user, choose another folder, or set DATABASE_URL."
        )


def make_directories(folder: Path) -> ServerDirectories:
    """Return the directories of the server of `folder`, created if missing. The caller holds the lock of `folder`."""
    dirs = find_directories(folder) or ServerDirectories(id=_make_id(folder), folder=folder, base=folder, user=None)
    if os.geteuid():
        return dirs
    user = dirs.user or choose_user()
    base = dirs.base
    if base == folder and not dirs.data.exists() and not user.can_enter(folder):
        base = ROOT_BASE / dirs.id
    if base != folder:
        for made in (ROOT_BASE, base):
            made.mkdir(parents=True, exist_ok=True)
            made.chmod(0o711)
        (base / "folder").write_text(f"{folder}\n")
        (folder / "where.txt").write_text(_WHERE.format(base=base, user=user.name, folder=folder))
    return ServerDirectories(id=dirs.id, folder=folder, base=base, user=user)


def stale_servers() -> Iterator[ServerDirectories]:
    """Yield the directories below `ROOT_BASE` whose folder was deleted.

    A server ends within a minute after its data are deleted. These have their data elsewhere, so they keep running.
    """
    for base in ROOT_BASE.iterdir():
        folder = _folder_of(base)
        if folder and _read_id(folder) != base.name:
            yield ServerDirectories(id=base.name, folder=folder, base=base, user=owner_of(base / "data"))


def _make_id(folder: Path) -> str:
    identity = secrets.token_hex(16)
    unfinished = folder / "id.unfinished"
    with open_private(unfinished) as file:
        file.truncate(0)
        file.write(f"{identity}\n".encode())
        file.flush()
        os.fsync(file.fileno())  # without the id, the data below `ROOT_BASE` could not be found
    unfinished.rename(folder / "id")
    return identity


def _read_id(folder: Path) -> str | None:
    """Return the id in a folder, or None if there is none or another user owns the folder."""
    try:
        if folder.stat().st_uid != os.geteuid():
            return None
        identity = (folder / "id").read_text().strip()
    except OSError:
        return None
    # Checked because it becomes part of a path that root trusts.
    return identity if re.fullmatch(r"[0-9a-f]{32}", identity) else None


def _folder_of(base: Path) -> Path | None:
    """Return the folder that `base` was created for; None if a kill came before it was written down."""
    try:
        return Path((base / "folder").read_text().rstrip("\n"))
    except OSError:
        return None
