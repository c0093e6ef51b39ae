"""Free ports for servers of the tests, outside of those that the kernel gives to outgoing connections."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from random import SystemRandom

_PORTS = range(20_000, 32_000)
"""Below `net.ipv4.ip_local_port_range`: between the choice of a port and its use, no client can be given it."""


def free_ports(number: int = 1) -> int:
    """Return the first of so many free ports in a row."""
    # Not `random`: pytest-randomly gives the processes of a run the same seed.
    while True:
        first = SystemRandom().choice(_PORTS)
        with ExitStack() as taken:
            try:
                for port in range(first, first + number):
                    taken.enter_context(socket.create_server(("127.0.0.1", port)))
            except OSError:
                continue
        return first
