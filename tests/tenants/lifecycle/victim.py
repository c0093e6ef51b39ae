"""A process that runs an operation on a tenant and dies in the middle, at a chosen point.

`python -m tests.tenants.lifecycle.victim DATABASE MEDIA_ROOT STEP`, then a line for each attempt on its standard
input: `kill 0.5` dies by SIGKILL half-way, `cut 0.5` has its connections cut there, `count` goes through. Attempts are
made in children, so the project is loaded once. The answer is a line: how the child ended.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

import django
from django.conf import settings


class Moments:
    """Counts what a step does, statement by statement and file by file, and acts at the moment that was chosen."""

    def __init__(self, act: str, at: int) -> None:
        self.seen = 0
        self._act = act
        self._at = at

    def statement(self, execute: Any, sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        self._pass(context["connection"])
        return execute(sql, params, many, context)

    def event(self, name: str, args: tuple[Any, ...]) -> None:
        if name in {"subprocess.Popen", "os.rename"} or (name == "open" and self._is_ours(str(args[0]))):
            self._pass(None)

    def _is_ours(self, path: str) -> bool:
        return path.startswith(str(settings.MEDIA_ROOT)) or path.endswith(".part")

    def _pass(self, connection: Any) -> None:
        self.seen += 1
        if self.seen < self._at:
            return
        if self._act == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if self._act == "cut" and connection is not None:
            self._act = "done"
            _cut(connection)


def _cut(connection: Any) -> None:
    """Let PostgreSQL end the session that serves a connection, as it does when an operator asks for it."""
    from tenants.postgresql.direct_connection import connect_directly

    with connect_directly() as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [connection.connection.info.backend_pid])


def attempt(step: str, moments: Moments) -> None:
    from django.db.backends.signals import connection_created

    from tenants import lifecycle
    from tenants.errors import OperationFailed

    def watch(connection: Any, **_: Any) -> None:
        connection.execute_wrappers.append(moments.statement)

    connection_created.connect(watch)
    sys.addaudithook(moments.event)
    try:
        eval(step, vars(lifecycle))
    except OperationFailed as error:
        print("failed", " ".join(str(error).split()), flush=True)
    else:
        print("done", moments.seen, flush=True)


def main(database: str, media: str, step: str) -> None:
    settings.MEDIA_ROOT = media
    settings.DATABASES["default"]["NAME"] = database
    django.setup()
    print("ready", flush=True)
    total = 0
    for line in sys.stdin:
        act, _, share = line.partition(" ")
        at = max(1, int(total * float(share))) if share else 1 << 30
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.dup2(writer, 1)
            attempt(step, Moments(act, at))
            os._exit(0)
        os.close(writer)
        with os.fdopen(reader) as said:
            answer = said.read().strip()
        os.waitpid(child, 0)
        if answer.startswith("done"):
            total = int(answer.split()[1])
        print(answer or "killed", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
