"""A WebSocket client that is just large enough for the tests, on a socket."""

import base64
import json
import os
import socket
import struct


class Refused(Exception):
    """The handshake was answered with another status than 101."""


class WebSocket:
    def __init__(self, port: int, host: str, path: str, **headers: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        lines = [f"GET {path} HTTP/1.1", f"Host: {host}", "Upgrade: websocket", "Connection: Upgrade"]
        lines += [f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}", "Sec-WebSocket-Version: 13"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self._socket.sendall("\r\n".join([*lines, "", ""]).encode())
        self._file = self._socket.makefile("rb")
        status = int(self._file.readline().split()[1])
        while self._file.readline().strip():
            pass
        if status != 101:
            self.close()
            raise Refused(status)

    def send(self, **message: object) -> None:
        data, mask = json.dumps(message).encode(), os.urandom(4)
        masked = bytes(byte ^ mask[index % 4] for index, byte in enumerate(data))
        self._socket.sendall(bytes([0x81]) + self._length(len(data)) + mask + masked)

    @staticmethod
    def _length(length: int) -> bytes:
        return bytes([0x80 | length]) if length < 126 else bytes([0x80 | 126]) + struct.pack("!H", length)

    def receive(self) -> object:
        """Return the next message; the code of a closing frame as a number."""
        first, length = self._file.read(2)
        if length == 126:
            (length,) = struct.unpack("!H", self._file.read(2))
        data = self._file.read(length)
        if first & 0x0F == 8:
            return struct.unpack("!H", data[:2])[0]
        return json.loads(data) if first & 0x0F == 1 else self.receive()

    def close(self) -> None:
        self._file.close()
        self._socket.close()
