"""Serves the demo on this machine alone, until Ctrl-C."""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels

from tenants.http.gc import raise_file_limit

ADDRESS = "127.0.0.1"


def port_is_free(port: int) -> bool:
    """Tell whether nobody listens at `port` yet."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ADDRESS, port))
        except OSError:
            return False
    return True


@contextmanager
def background_worker() -> Iterator[None]:
    """Have long work done in a process of its own inside the block; it ends with this one, however that ends."""
    command = [sys.executable, "-m", "django", "run_worker", "--verbosity", "0", "--parent", str(os.getpid())]
    # Out of reach of the terminal's Ctrl-C: it is ended here, after the server.
    worker = subprocess.Popen([*command, "--grace", "3"], cwd=settings.BASE_DIR, start_new_session=True)
    try:
        yield
    finally:
        worker.terminate()
        try:
            worker.wait(timeout=20)
        except subprocess.TimeoutExpired:
            worker.kill()
            worker.wait()


def serve(port: int) -> None:
    """Serve the WSGI application at `port`; return when Ctrl-C has ended the last request."""
    log = logging.getLogger("_granian")
    log.setLevel(logging.WARNING)
    # It warns of so many threads as if each would use a processor. Most of these wait.
    log.addFilter(lambda record: "Python threads" not in record.getMessage())
    # A terminal's Ctrl-C reaches every process of the group; granian tells its workers by itself, and once is enough.
    files = raise_file_limit()
    os.register_at_fork(after_in_child=lambda: signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT}))
    Granian(
        "config.wsgi:application",
        address=ADDRESS,
        port=port,
        interface=Interfaces.WSGI,
        # Who waits in line at a shop that is busy has a thread; more of them than two shops let in.
        blocking_threads=64,
        websockets=False,
        # A connection that asks for nothing costs a file and some memory, and is closed after five seconds. With as
        # many of them as this, and not before, others have to wait for that.
        backlog=2048,
        backpressure=max(256, files - 500),
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=5_000, max_buffer_size=64 * 1024),
        log_level=LogLevels.warning,
        workers_kill_timeout=5,
    ).serve()
