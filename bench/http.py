"""A contender behind a real server on loopback, and clients that keep asking it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection

from bench.contenders import Contender
from bench.server import FOLDER, ROOT

_SECONDS_TO_START = 60.0


GRANIAN = "granian --interface wsgi --host 127.0.0.1 --no-ws --log-level warning"


def free_port() -> int:
    """Return a free port of the loopback address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def served(contender: Contender, database: str, threads: int = 5) -> Iterator[int]:
    """Serve a contender as the project's Procfile does, and yield the port; stop it afterwards."""
    command = f"{GRANIAN} --blocking-threads {threads} bench.peers.wsgi:application"
    with running(["-m", *command.split()], contender.environment(database), database) as port:
        yield port


@contextmanager
def running(command: Sequence[str], environment: Mapping[str, str], name: str) -> Iterator[int]:
    """Run a server of ours, which is told its port by `--port`, and yield that; `name` is that of its log."""
    port = free_port()
    log = FOLDER / f"{name}-http.log"
    with log.open("ab") as output:
        server = subprocess.Popen(
            [sys.executable, *command, "--port", str(port)],
            cwd=ROOT,
            env=os.environ | environment,
            stdout=output,
            stderr=output,
        )
    try:
        _wait_for(port, server, str(log))
        yield port
    finally:
        server.terminate()
        server.wait()


def _wait_for(port: int, server: subprocess.Popen[bytes], log: str) -> None:
    deadline = time.monotonic() + _SECONDS_TO_START
    while time.monotonic() < deadline and server.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"A server did not start. Its output is in {log}")


def ask(port: int, host: str, path: str, times: int) -> bytes:
    """Ask so many times over one connection; return the last answer."""
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    body = b""
    for _ in range(times):
        connection.request("GET", path, headers={"Host": host, "User-Agent": "bench"})
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{host}{path} answered {answer.status}: {body[:300]!r}")
    connection.close()
    return body


def requests_a_second(port: int, host: str, path: str, *, clients: int, times: int) -> float:
    """Let so many clients at once ask so many times each; return how many answers came in a second, all together."""
    started = time.perf_counter()
    with ThreadPoolExecutor(clients) as running:
        for done in [running.submit(ask, port, host, path, times) for _ in range(clients)]:
            done.result()
    return clients * times / (time.perf_counter() - started)
