"""Malicious Host headers, byte by byte, at real servers: the right shop answers, or none."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tenants import TenantInfo
from tests.isolation.servers import SERVERS, served

NOBODY = "nobody"
"""Who answers where no shop does."""


@dataclass(frozen=True)
class Attack:
    """A request, in which OURS and THEIRS stand for two shops' hosts, and who may answer it at most."""

    request: bytes
    may: str = NOBODY


def with_host(value: bytes, may: str = NOBODY) -> Attack:
    return Attack(b"GET / HTTP/1.1\r\nHost: " + value + b"\r\nConnection: close\r\n\r\n", may)


def beside_host(*headers: bytes, path: bytes = b"/", may: str = "ours") -> Attack:
    lines = [b"GET " + path + b" HTTP/1.1", b"Host: OURS", *headers, b"Connection: close", b"", b""]
    return Attack(b"\r\n".join(lines), may)


SPELLINGS = [
    with_host(value, "ours")
    for value in (b"OURS", b"OURS.", b"OURS:80", b"OURS:8000", b"OURS.:8000", b"  OURS  ", b"\tOURS")
]
OTHER_NAMES = [
    with_host(value)
    for value in (
        # Nothing, or no host
        *(b"", b" ", b".", b":", b":80", b"*", b"[", b"[::1", b"[::1]x", b"[::ffff:127.0.0.1%OURS]"),
        # More than a host
        *(b"user@OURS", b"user:secret@OURS", b"OURS@THEIRS", b"THEIRS@OURS", b"OURS:80@THEIRS", b"OURS:80:80"),
        *(b"OURS/", b"OURS/THEIRS", b"OURS\\THEIRS", b"OURS#THEIRS", b"OURS?THEIRS", b"OURS;THEIRS", b"http://OURS"),
        # Two hosts
        *(b"OURS,THEIRS", b"OURS, THEIRS", b"OURS THEIRS", b"OURS\tTHEIRS", b"THEIRS,OURS"),
        # Other letters
        *(
            b"OURS:port",
            b"OURS:-1",
            b"OURS:0x50",
            b"%4fURS",
            b"OURS%00",
            b"OURS%00.THEIRS",
            b"OURS_",
            b"-OURS",
            b"'OURS",
        ),
        *(
            "상가.localhost".encode(),
            b"xn--.localhost",
            b"xn--a.localhost",
            b"\xff\xfe",
            b"OURS\xc0\xae",
            "ｏURS。".encode(),
        ),
        # Names around ours
        *(
            b"x.OURS",
            b"OURS.THEIRS",
            b"www.localhost",
            b"admin.localhost",
            b"OURS.localhost.example",
            b".OURS",
            b"OURS..",
        ),
        # Too long
        *(b"a" * 300 + b".localhost", b"a." * 2000 + b"OURS", b"a" * 60_000 + b".OURS"),
    )
]
CLAIMS = [
    beside_host(header)
    for header in (
        b"X-Forwarded-Host: THEIRS",
        b"X-Forwarded-Server: THEIRS",
        b"X-Host: THEIRS",
        b"X-Original-Host: THEIRS",
        b"X-HTTP-Host-Override: THEIRS",
        b"Forwarded: host=THEIRS;proto=https",
        b"X-Original-URL: http://THEIRS/",
        b"X-Rewrite-URL: http://THEIRS/",
        b"X-Tenant: THEIRS",
        b"X_Forwarded_Host: THEIRS",
        b"HTTP_HOST: THEIRS",
        b"Origin: http://THEIRS",
        b"Referer: http://THEIRS/",
    )
]
SHAPES = [
    # Two Host headers are refused: two programs might use different ones (RFC 9112, section 3.2).
    Attack(b"GET / HTTP/1.1\r\nHost: OURS\r\nHost: THEIRS\r\nConnection: close\r\n\r\n"),
    Attack(b"GET / HTTP/1.1\r\nHost: THEIRS\r\nhost: OURS\r\nConnection: close\r\n\r\n"),
    Attack(b"GET / HTTP/1.1\r\nHost: OURS\r\nX: 1\r\nHOST: THEIRS\r\nConnection: close\r\n\r\n"),
    Attack(b"GET / HTTP/1.1\r\nHost : OURS\r\nConnection: close\r\n\r\n"),
    Attack(b"GET / HTTP/1.1\r\nHost: OURS\r\n THEIRS\r\nConnection: close\r\n\r\n"),
    Attack(b"GET / HTTP/1.1\r\nHost: OURS\x00THEIRS\r\nConnection: close\r\n\r\n"),
    Attack(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n"),
    Attack(b"GET / HTTP/1.0\r\n\r\n"),
    Attack(b"GET / HTTP/1.0\r\nHost: OURS\r\n\r\n", "ours"),
    # The request line and the header name two shops: the header's one answers, or none.
    Attack(b"GET http://THEIRS/ HTTP/1.1\r\nHost: OURS\r\nConnection: close\r\n\r\n", "ours"),
    Attack(b"GET http://OURS/ HTTP/1.1\r\nHost: OURS\r\nConnection: close\r\n\r\n", "ours"),
    Attack(b"GET http://user@THEIRS/ HTTP/1.1\r\nHost: OURS\r\nConnection: close\r\n\r\n", "ours"),
    Attack(b"CONNECT THEIRS:80 HTTP/1.1\r\nHost: OURS\r\nConnection: close\r\n\r\n", "ours"),
    Attack(b"GET //THEIRS/ HTTP/1.1\r\nHost: OURS\r\nConnection: close\r\n\r\n", "ours"),
    Attack(b"GET //THEIRS/cart HTTP/1.1\r\nHost: OURS\r\nConnection: close\r\n\r\n", "ours"),
    Attack(b"GET /\\THEIRS/cart HTTP/1.1\r\nHost: OURS\r\nConnection: close\r\n\r\n", "ours"),
]


def answer_of(port: int, request: bytes) -> bytes:
    """Return all that the server sends; nothing if it hangs up."""
    with socket.create_connection(("127.0.0.1", port), 30) as connection:
        try:
            connection.sendall(request)
            pieces = []
            while piece := connection.recv(65536):
                pieces.append(piece)
        except (ConnectionResetError, BrokenPipeError):
            pass
    return b"".join(pieces)


def verdict(answer: bytes, shops: dict[str, TenantInfo], may: str) -> str:
    """Return what is wrong with an answer; empty: nothing."""
    status = re.match(rb"HTTP/1\.[01] (\d\d\d)", answer)
    if answer and not status:
        return f"no HTTP: {answer[:60]!r}"
    if status and int(status[1]) >= 500:
        return f"status {status[1].decode()}"
    seen = {who for who, shop in shops.items() if f"<{shop.name}>".encode() in answer or shop.name.encode() in answer}
    if not seen <= {may}:
        return f"{seen} answered"
    location = re.search(rb"(?im)^location: *(.*?)\r$", answer)
    if location and re.match(rb"(?i)(https?:)?[/\\]{2}", location[1]) and may != NOBODY:
        ours = rb"(?i)https?://" + re.escape(shops["ours"].host.encode()) + rb"(:\d+)?/"
        if not re.match(ours, location[1]):
            return f"sent to {location[1]!r}"
    return ""


@pytest.mark.parametrize("interface", SERVERS)
def test_at_a_real_server_the_right_shop_answers_or_none(open_shop: Callable[..., TenantInfo], interface: str) -> None:
    shops = {"ours": open_shop("alpha", name="Shop Of Ours"), "theirs": open_shop("omega", name="Shop Of Theirs")}
    words = {b"OURS": shops["ours"].host.encode(), b"THEIRS": shops["theirs"].host.encode()}
    wrong = []
    with served(interface) as port:
        for attack in [*SPELLINGS, *OTHER_NAMES, *CLAIMS, *SHAPES]:
            request = attack.request
            for word, host in words.items():
                request = request.replace(word, host)
            found = verdict(answer_of(port, request), shops, attack.may)
            if found:
                wrong.append(f"{request[:120]!r}: {found}")
        for who, host in (("ours", words[b"OURS"]), ("theirs", words[b"THEIRS"])):
            answer = answer_of(port, b"GET / HTTP/1.1\r\nHost: " + host + b"\r\nConnection: close\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 200"), "after all that, it serves on"
            assert shops[who].name.encode() in answer, "or nothing above could have been noticed"
    assert wrong == []


@pytest.mark.parametrize("interface", SERVERS)
def test_every_spelling_of_a_shops_host_reaches_it(open_shop: Callable[..., TenantInfo], interface: str) -> None:
    shop = open_shop("alpha", name="Shop Of Ours")
    with served(interface) as port:
        for attack in SPELLINGS:
            answer = answer_of(port, attack.request.replace(b"OURS", shop.host.upper().encode()))
            assert answer.startswith(b"HTTP/1.1 200"), (attack.request, answer[:100])
            assert shop.name.encode() in answer
