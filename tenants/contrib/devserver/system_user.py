"""System user that runs the server when root starts it, since PostgreSQL refuses to run as root."""

from __future__ import annotations

import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tenants.errors import DatabaseUnavailable

_NAMES = ("postgres", "nobody")


@dataclass(frozen=True, slots=True)
class SystemUser:
    name: str
    uid: int
    gid: int

    @property
    def identity(self) -> dict[str, Any]:
        """The arguments that make `subprocess.run` run a program as this user."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def can_enter(self, folder: Path) -> bool:
        # Tried and not computed, because ACLs, mount options and user namespaces matter as well.
        return self._succeeds("/bin/sh", "-c", 'cd -- "$1"', "sh", str(folder))

    def can_run(self, program: Path) -> bool:
        """Return whether this user can run `program`, which must have an option `--version`."""
        return self._succeeds(str(program), "--version")

    def _succeeds(self, *command: str) -> bool:
        try:
            subprocess.run(command, check=True, capture_output=True, **self.identity)
        except (PermissionError, subprocess.CalledProcessError):
            return False
        return True


def choose_user() -> SystemUser:
    """Return the user to run a new server of root; raise `DatabaseUnavailable` if the system has none."""
    import pwd  # missing on Windows, where this package can be imported but not used

    for name in _NAMES:
        with suppress(KeyError):
            found = pwd.getpwnam(name)
            return SystemUser(name, found.pw_uid, found.pw_gid)
    raise DatabaseUnavailable(
        "PostgreSQL refuses to run as root, and this system has no user 'postgres' or 'nobody'. Run this as an "
        "ordinary user, or create one of these, or set DATABASE_URL."
    )


def owner_of(data: Path) -> SystemUser | None:
    """Return the user that owns the data of a server, or None if there are no data yet."""
    import pwd

    try:
        found = data.stat()
        return SystemUser(pwd.getpwuid(found.st_uid).pw_name, found.st_uid, found.st_gid)
    except (FileNotFoundError, KeyError):
        return None
