"""The unprivileged user that runs the server of root, as PostgreSQL refuses to run as root."""

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
    """An user of this system."""

    name: str
    uid: int
    gid: int

    @property
    def identity(self) -> dict[str, Any]:
        """The arguments that make `subprocess.run` run a program as this user."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def can_enter(self, folder: Path) -> bool:
        """Return whether this user may go to `folder`."""
        # Asked and not computed: access lists, mount options and user namespaces have a say as well.
        return self._succeeds("/bin/sh", "-c", 'cd -- "$1"', "sh", str(folder))

    def can_run(self, program: Path) -> bool:
        """Return whether this user can run `program`, which must know `--version`."""
        return self._succeeds(str(program), "--version")

    def _succeeds(self, *command: str) -> bool:
        try:
            subprocess.run(command, check=True, capture_output=True, **self.identity)
        except (PermissionError, subprocess.CalledProcessError):
            return False
        return True


def choose_user() -> SystemUser:
    """Return the user to run a new server of root; raise `DatabaseUnavailable` if the system has none."""
    import pwd  # not on Windows, where this package is imported but cannot be used

    for name in _NAMES:
        with suppress(KeyError):
            found = pwd.getpwnam(name)
            return SystemUser(name, found.pw_uid, found.pw_gid)
    raise DatabaseUnavailable(
        "PostgreSQL refuses to run as root, and this system has neither an user 'postgres' nor 'nobody' to run it. "
        "Run this as an ordinary user, or make such an user, or set DATABASE_URL."
    )


def owner_of(data: Path) -> SystemUser | None:
    """Return the user that the data of a server belong to, or None if there are no data yet."""
    import pwd

    try:
        found = data.stat()
        return SystemUser(pwd.getpwuid(found.st_uid).pw_name, found.st_uid, found.st_gid)
    except (FileNotFoundError, KeyError):
        return None
