"""Where the server of a folder lives and which account it runs as, out of reach of other users."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import stat
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tenants.errors import DatabaseUnavailable
from tenants.postgresql.embedded.locks import open_private

OF_ROOT = Path("/var/lib/sangga")
"""Where the data are when root starts the server and its account cannot enter the project."""

PORT = "5432"
"""Of no network: it is only part of the socket's file name, and every server has a folder of its own."""

_ACCOUNTS = ("postgres", "nobody")
_SOCKET_PATH_MAX = 100
"""Bytes; the kernel's limit is 104 on macOS and 108 on Linux, with the NUL."""

_WHERE = """\
The data of this project's PostgreSQL are in {place}
because it was started by root, PostgreSQL refuses to run as root, and the account {account!r}, as which it runs
instead, cannot enter {folder}.
To begin anew: `manage.py embedded_postgres stop`, then delete both folders.
"""


@dataclass(frozen=True, slots=True)
class Account:
    """The account that a server of root runs as."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """The files of one server."""

    id: str
    """Random, made with the folder: data that lie outside of it are found by this and never by its path."""
    place: Path
    account: Account | None
    """None: the user that this process runs as."""

    @property
    def data(self) -> Path:
        return self.place / "data"

    @property
    def log(self) -> Path:
        return self.place / "postgres.log"

    @property
    def claim(self) -> Path:
        """The file whose lock is held by whatever works on the data: `initdb`, the server and all its children."""
        return self.place / "data.lock"

    @property
    def sockets(self) -> Path:
        inside = self.place / "run"
        # libpq reads a comma as the end of the host, and no system takes a long path for a socket.
        if len(os.fsencode(inside / f".s.PGSQL.{PORT}")) <= _SOCKET_PATH_MAX and "," not in str(inside):
            return inside
        checksum = hashlib.sha256(os.fsencode(f"{self.id} {self.place}")).hexdigest()
        # In /tmp anybody can be first; `make_sockets` and `has_private_sockets` look who was.
        return Path("/tmp") / f"sangga-{checksum[:16]}"  # noqa: S108

    @property
    def uid(self) -> int:
        return self.account.uid if self.account else os.geteuid()

    def as_account(self) -> dict[str, Any]:
        """Return the arguments that make `subprocess.run` run a program as the account of the server."""
        return run_as(self.account) if self.account else {}

    def give(self, path: Path) -> None:
        """Give a file or folder, just made by this process, to the account of the server."""
        if self.account:
            os.chown(path, self.account.uid, self.account.gid, follow_symlinks=False)

    def has_private_sockets(self) -> bool:
        """Whether the folder of the socket is a folder that nobody but the server's account (and root) may enter."""
        try:
            found = self.sockets.lstat()
        except FileNotFoundError:
            return False
        return stat.S_ISDIR(found.st_mode) and found.st_uid == self.uid and not found.st_mode & 0o077

    def make_sockets(self) -> None:
        """Make the folder of the socket; raise `DatabaseUnavailable` if there is one that others can use."""
        try:
            self.sockets.mkdir(mode=0o700)
        except FileExistsError:
            pass
        else:
            self.give(self.sockets)
        if not self.has_private_sockets():
            raise DatabaseUnavailable(
                f"{self.sockets}, the folder for PostgreSQL's socket, exists, but is not a folder that belongs to user "
                f"{self.uid} alone. Find out whose it is, remove it, and try again."
            )


def run_as(account: Account) -> dict[str, Any]:
    """Return the arguments that make `subprocess.run` run a program as `account`."""
    return {"user": account.uid, "group": account.gid, "extra_groups": []}


def find_home(folder: Path) -> Home | None:
    """Return the home of the server of `folder`, or None if it has none yet. Changes nothing."""
    identity = _read_id(folder)
    if identity is None:
        return None
    if os.geteuid():
        return Home(id=identity, place=folder, account=None)
    place = OF_ROOT / identity
    if not place.is_dir():
        place = folder
    elif _is_of_another(place, folder, identity):
        return None
    return Home(id=identity, place=place, account=_owner(place / "data"))


def make_folder(folder: Path) -> None:
    """Make `folder`, in which nobody else may write; raise `DatabaseUnavailable` if it is somebody else's."""
    # Root's is passable, so that the account of the server can get to what is its own in there.
    mode = 0o700 if os.geteuid() else 0o711
    try:
        folder.mkdir(mode=mode, parents=True, exist_ok=True)
        found = folder.stat()
        if found.st_uid == os.geteuid() and found.st_mode & 0o022:
            folder.chmod(found.st_mode & 0o755)
    except OSError as error:
        raise DatabaseUnavailable(
            f"{folder}, the folder for PostgreSQL's data, cannot be made: {error.strerror}. "
            f"Choose a folder that user {os.geteuid()} may write, or set DATABASE_URL."
        ) from error
    if found.st_uid != os.geteuid():
        raise DatabaseUnavailable(
            f"{folder}, the folder for PostgreSQL's data, belongs to user {found.st_uid}, and this is user "
            f"{os.geteuid()}. Go on as the user who began, or choose another folder, or set DATABASE_URL."
        )


def make_home(folder: Path) -> Home:
    """Return the home of the server of `folder`, and make it if it has none. The caller holds the folder's lock."""
    home = find_home(folder)
    if home is None:
        identity = secrets.token_hex(16)
        unfinished = folder / "id.unfinished"
        with open_private(unfinished) as file:
            file.truncate(0)
            file.write(f"{identity}\n".encode())
            file.flush()
            os.fsync(file.fileno())  # without it, data that lie elsewhere would never be found again
        unfinished.rename(folder / "id")
        home = Home(id=identity, place=folder, account=None)
    if os.geteuid():
        return home
    return _make_home_of_root(home, folder)


def _make_home_of_root(home: Home, folder: Path) -> Home:
    account = home.account or _choose_account()
    place = home.place
    if place == folder and not home.data.exists() and not _can_enter(account, folder):
        place = OF_ROOT / home.id
    if place != folder:
        for made in (OF_ROOT, place):
            made.mkdir(exist_ok=True)
            made.chmod(0o711)
        (place / "folder").write_text(f"{folder}\n")
        (folder / "where.txt").write_text(_WHERE.format(place=place, account=account.name, folder=folder))
    return Home(id=home.id, place=place, account=account)


def _read_id(folder: Path) -> str | None:
    try:
        identity = (folder / "id").read_text().strip()
    except OSError:
        return None
    # It becomes part of a path that root trusts.
    return identity if re.fullmatch(r"[0-9a-f]{32}", identity) else None


def _is_of_another(place: Path, folder: Path, identity: str) -> bool:
    """Whether `folder` is a copy of a folder that still is, and whose data the copy must not share."""
    with suppress(OSError):
        owner = Path((place / "folder").read_text().rstrip("\n"))
        return owner != folder and _read_id(owner) == identity
    return False


def _owner(data: Path) -> Account | None:
    import pwd  # not on Windows

    try:
        found = data.stat()
        return Account(pwd.getpwuid(found.st_uid).pw_name, found.st_uid, found.st_gid)
    except (FileNotFoundError, KeyError):
        return None


def _choose_account() -> Account:
    import pwd

    for name in _ACCOUNTS:
        with suppress(KeyError):
            found = pwd.getpwnam(name)
            return Account(name, found.pw_uid, found.pw_gid)
    raise DatabaseUnavailable(
        "PostgreSQL refuses to run as root, and this system has neither an account 'postgres' nor 'nobody' to run it. "
        "Run this as an ordinary user, or make such an account, or set DATABASE_URL."
    )


def _can_enter(account: Account, folder: Path) -> bool:
    # Asked and not computed: access lists, mount options and user namespaces have a say as well.
    enter = ["/bin/sh", "-c", 'cd -- "$1"', "sh", str(folder)]
    ended = subprocess.run(enter, stderr=subprocess.DEVNULL, check=False, **run_as(account))  # noqa: S603
    return ended.returncode == 0
