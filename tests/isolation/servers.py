"""The project in real servers: separate processes on the tests' database."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.acceptance.test_worker import database_url
from tests.ports import free_ports
from tests.waiting import eventually

ROOT = Path(__file__).resolve().parents[2]

SERVERS = {
    "WSGI": ["-m", "granian", "--interface", "wsgi", "--blocking-threads", "4", "config.wsgi:application"],
    "ASGI": ["-m", "granian", "--interface", "asginl", "config.asgi:application"],
}
"""By interface: arguments of Python."""


DEMO = ["-c", "import sys; from shop.demo.serve import serve; serve(int(sys.argv[sys.argv.index('--port') + 1]))"]
"""The server as `manage.py demo` starts it."""


@contextmanager
def served(
    interface: str, command: Sequence[str] = (), *, output: Path | None = None, **environment: str
) -> Iterator[int]:
    """Serve the project inside the block; the value is the port on the loopback address. `output` is its log."""
    port = free_ports()
    what = command or SERVERS[interface]
    command = [sys.executable, *what, "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    settings = {"DATABASE_URL": database_url(), "DJANGO_SETTINGS_MODULE": "tests.settings"}
    with output.open("w+") if output else tempfile.TemporaryFile("w+") as log:
        server = subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, **settings, **environment}, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            is_up = eventually(lambda: server.poll() is not None or _answers(port))
            if not is_up or server.poll() is not None:
                log.seek(0)
                raise AssertionError(f"The server did not start: {log.read()}")
            yield port
        finally:
            server.terminate()
            try:
                server.wait(180)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True
