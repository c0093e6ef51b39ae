"""One request over a socket, sent byte for byte, and its response in a comparable form."""

from __future__ import annotations

import gzip
import http.client
import json
import re
import socket
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

Send = Callable[[socket.socket, bytes], None]

_OF_THE_SERVER = frozenset({"date", "server", "connection", "keep-alive", "transfer-encoding", "content-length", "via"})
"""Headers that say how an answer travels and not what it is."""
_OF_THE_GATEWAY = frozenset({"x-request-id"})
"""Headers that the gateway adds."""
_CHANGING = (
    (re.compile(r"csrfmiddlewaretoken\" value=\"[^\"]+"), "CSRF"),
    (re.compile(r"(nonce-|nonce=\")[\w+/=-]+"), "NONCE"),
    (re.compile(r"(csrftoken|sessionid|messages)=[^;\s]+"), r"\1=VALUE"),
    (re.compile(r"expires=[^;]+GMT", re.IGNORECASE), "expires=THEN"),
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "UUID"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)"), "THEN"),
    (re.compile(r"W?/?\"[0-9a-f]{16,}\""), '"ETAG"'),
    (re.compile(r"\"(access_token|refresh_token|id_token)\": ?\"[^\"]+\""), r'"\1":"TOKEN"'),
    (re.compile(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT"), "THEN"),
    (re.compile(r'name="key" value="[\w-]{22}"'), 'name="key" value="KEY"'),
    (re.compile(r"palette-\d"), "palette-N"),
    (re.compile(r"\"(x|y|kid)\": \"[\w-]{43}\""), r'"\1": "KEY"'),
    (re.compile(r"(number\":\"|/orders/)[\w-]+"), r"\1NUMBER"),
)


def whole(connection: socket.socket, body: bytes) -> None:
    """Send a body in one piece."""
    connection.sendall(body)


def line_by_line(connection: socket.socket, body: bytes) -> None:
    """Send a body in a piece for each line, as a program does that writes it while it makes it."""
    for line in body.splitlines(keepends=True):
        connection.sendall(line)
        time.sleep(0.002)


def byte_by_byte(connection: socket.socket, body: bytes) -> None:
    """Send a body in pieces of one byte."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in body:
        connection.sendall(bytes([byte]))


def in_chunks(size: int) -> Send:
    """Send a body with `Transfer-Encoding: chunked`, in chunks of `size` bytes."""

    def send(connection: socket.socket, body: bytes) -> None:
        for start in range(0, len(body), size):
            part = body[start : start + size]
            connection.sendall(b"%x\r\n%s\r\n" % (len(part), part))
        connection.sendall(b"0\r\n\r\n")

    return send


def broken_off(connection: socket.socket, body: bytes) -> None:
    """Send half of a body, and no more."""
    connection.sendall(body[: len(body) // 2])
    connection.shutdown(socket.SHUT_WR)


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request of the chosen set."""

    name: str
    path: str
    method: str = "GET"
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    send: Send = whole
    chunked: bool = False
    sign_in: bool = False
    """Whether it has the owner's session and its CSRF token."""
    bearer: bool = False
    """Whether it has the owner's API key."""
    if_match: bool = False
    """Whether it names the ETag that its path has at that time."""
    status: int = 200
    """What every server is to answer."""
    many_answers: bool = False
    """Whether servers may break off or refuse in their own way: the status alone, or none, is compared."""

    def head(self, host: str, headers: Iterable[tuple[str, str]]) -> bytes:
        lines = [f"{self.method} {self.path} HTTP/1.1", f"Host: {host}", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in (*self.headers, *headers)]
        if self.chunked:
            lines.append("Transfer-Encoding: chunked")
        elif self.body or self.method in {"POST", "PUT", "PATCH"}:
            lines.append(f"Content-Length: {len(self.body)}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


@dataclass(frozen=True)
class Answer:
    """What came back; `status` is 0 where the server hung up without an answer."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = field(default=b"", repr=False)

    def comparable(self, *own: str) -> tuple[int, list[tuple[str, str]], str]:
        """Return it without what differs each time, and with the same word for each of `own`."""
        kept = [
            (name.lower(), value)
            for name, value in self.headers
            if name.lower() not in _OF_THE_SERVER | _OF_THE_GATEWAY
        ]
        headers = sorted((name, _steady(value, own)) for name, value in kept)
        body = gzip.decompress(self.body) if ("content-encoding", "gzip") in kept else self.body
        return self.status, headers, _steady(body.decode("utf-8", "backslashreplace"), own)


def _steady(text: str, own: tuple[str, ...]) -> str:
    for word in own:
        text = text.replace(word, "OWN")
    for pattern, word in _CHANGING:
        text = pattern.sub(word, text)
    return text


def exchange(port: int, host: str, request: Request, headers: Iterable[tuple[str, str]] = ()) -> Answer:
    """Send a request and return the answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=120) as connection:
        try:
            connection.sendall(request.head(host, headers))
            request.send(connection, request.body)
        except (BrokenPipeError, ConnectionResetError):
            pass  # a server may answer, and hang up, before it has read all
        response = http.client.HTTPResponse(connection, method=request.method)
        try:
            response.begin()
            return Answer(response.status, tuple(response.getheaders()), response.read())
        except (http.client.HTTPException, ConnectionResetError):
            return Answer(0)
        finally:
            response.close()


def as_json(value: object) -> bytes:
    """Return a value as the body of a request."""
    return json.dumps(value).encode()
