"""Process that starts a server: `python -m tests.tenants.contrib.devserver.process FOLDER [USER]`.

It becomes USER if one is named, says "ready" when all is imported, starts the server, and prints where that is or
why it would not start.
"""

from __future__ import annotations

import json
import os
import pwd
import sys
from dataclasses import asdict

from tenants.contrib.devserver import EmbeddedPostgres
from tenants.errors import DatabaseUnavailable


def become(name: str) -> None:
    """Switch to a user permanently."""
    user = pwd.getpwnam(name)
    os.setgroups([])
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)


def main(folder: str, user: str = "") -> None:
    if user:
        become(user)
    print("ready", flush=True)
    try:
        print(json.dumps(asdict(EmbeddedPostgres(folder).start())))
    except DatabaseUnavailable as error:
        print(json.dumps({"error": str(error)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
