"""Serves the demo on this machine alone, until Ctrl-C."""

from __future__ import annotations

import logging
import socket

from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

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


def serve(port: int) -> None:
    """Serve the WSGI application at `port`; return when Ctrl-C has ended the last request."""
    logging.getLogger("_granian").setLevel(logging.WARNING)
    Granian(
        "config.wsgi:application",
        address=ADDRESS,
        port=port,
        interface=Interfaces.WSGI,
        blocking_threads=8,
        websockets=False,
        log_level=LogLevels.warning,
        workers_kill_timeout=5,
    ).serve()
