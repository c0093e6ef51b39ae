"""The demo's server on localhost, until Ctrl-C."""

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
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ADDRESS, port))
        except OSError:
            return False
    return True


@contextmanager
def background_worker() -> Iterator[None]:
    """Run a worker process inside the block. It ends with this process, even if that is killed."""
    command = [sys.executable, "-m", "django", "run_worker", "--verbosity", "0", "--parent", str(os.getpid())]
    # In its own session, so that Ctrl-C does not reach it: it is stopped below, after the server.
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
    """Serve the WSGI application at `port`; return after Ctrl-C and the last request."""
    log = logging.getLogger("_granian")
    log.setLevel(logging.WARNING)
    # It warns of many threads, but most of these wait.
    log.addFilter(lambda record: "Python threads" not in record.getMessage())
    # Ctrl-C reaches every process of the group, and granian stops its workers itself: they must not stop twice.
    files = raise_file_limit()
    os.register_at_fork(after_in_child=lambda: signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT}))
    Granian(
        "config.wsgi:application",
        address=ADDRESS,
        port=port,
        interface=Interfaces.WSGI,
        # Requests in the queue of a busy shop have a thread each: more than two shops allow.
        blocking_threads=64,
        websockets=False,
        # An idle connection costs a file and some memory, and is closed after five seconds. Beyond this many, new
        # connections wait for that.
        backlog=2048,
        backpressure=max(256, files - 500),
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=5_000, max_buffer_size=64 * 1024),
        log_level=LogLevels.warning,
        workers_kill_timeout=5,
    ).serve()
