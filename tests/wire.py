"""A proxy between Django and PostgreSQL that records the messages."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock, Thread


class Wire:
    """The messages of the frontend/backend protocol that clients sent, without startup (PostgreSQL docs, ch. 54)."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._messages: list[bytes] = []

    def record(self, message: bytes) -> None:
        with self._lock:
            self._messages.append(message)

    def taken(self) -> list[str]:
        """Return the messages since the last call: the text of a simple query, otherwise the type of the message."""
        with self._lock:
            messages, self._messages = self._messages, []
        return [m[5:-1].decode() if m[:1] == b"Q" else m[:1].decode() for m in messages]


@contextmanager
def wiretap(server: str, folder: Path) -> Iterator[Wire]:
    """Listen at a Unix socket in `folder` and forward everything to `server`, the path of PostgreSQL's socket."""
    wire = Wire()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / ".s.PGSQL.5432"))
        listener.listen()
        accepting = Thread(target=_accept, args=(listener, server, wire))
        accepting.start()
        try:
            yield wire
        finally:
            listener.shutdown(socket.SHUT_RDWR)  # ends accept() in the thread
            accepting.join()


def _accept(listener: socket.socket, server: str, wire: Wire) -> None:
    connections: list[Thread] = []
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            break
        connections.append(Thread(target=_relay, args=(client, server, wire)))
        connections[-1].start()
    for connection in connections:
        connection.join()


def _relay(client: socket.socket, server: str, wire: Wire) -> None:
    with client, socket.socket(socket.AF_UNIX) as upstream:
        upstream.connect(server)
        answers = Thread(target=_pump, args=(upstream, client))
        answers.start()
        _frontend(client, upstream, wire)
        upstream.shutdown(socket.SHUT_WR)
        answers.join()


def _frontend(client: socket.socket, upstream: socket.socket, wire: Wire) -> None:
    """Forward messages one by one; the first, the startup message, has no type byte."""
    with client.makefile("rb") as source:
        (size,) = struct.unpack("!i", source.read(4))
        upstream.sendall(struct.pack("!i", size) + source.read(size - 4))
        while header := source.read(5):
            message = header + source.read(struct.unpack("!i", header[1:])[0] - 4)
            wire.record(message)
            upstream.sendall(message)


def _pump(source: socket.socket, target: socket.socket) -> None:
    while data := source.recv(65536):
        target.sendall(data)
