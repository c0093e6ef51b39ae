"""Malformed requests of strangers and staff: a response of the application, never an error page of the server."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tenants import TenantInfo
from tests.isolation.servers import SERVERS, served
from tests.isolation.test_host_attacks import answer_of

MANY = "&".join(f"a{number}=1" for number in range(1_001))
LONG = "x" * 5_000
PATHS = [
    *(f"/media/{'x' * length}.png" for length in (255, 256, 3_000)),
    "/media/" + "a/" * 3_000 + "b.png", "/media/%00", "/media/%FF", "/media/x%0Ay", "/static/" + "x" * 300,
    f"/?{MANY}", f"/api/v1/goods?{MANY}", f"/api/v2/goods?{MANY}", f"/admin/login/?{MANY}", f"/oauth/authorize?{MANY}",
    "/?page=abc", "/?page=%00", "/?page=99999999999999999999", "/?q=%00", "/?q=%ED%A0%80", f"/?q={LONG}",
    "/c/%00/", "/goods/%FF/", "/orders/%00/", f"/orders/{LONG}/", "/%ED%A0%80", "/%00",
    "/api/v2/goods?cursor=%00", "/api/v2/goods?limit=99999999999999999999", "/api/v2/goods?search=%00",
    "/api/v2/goods/%00", "/api/v2/goods/99999999999999999999", f"/api/{LONG}", "/api/v1/skus?placed_since=9999",
    "/account/set-password/%00/%00/", "/account/set-password/MTAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMA/set-password/",
    "/operator/enter/%00/", "/oauth/authorize?client_id=%00&redirect_uri=%00&response_type=code",
]  # fmt: skip
TYPES = [
    "application/x-www-form-urlencoded; charset=latin-1", "application/x-www-form-urlencoded; charset=hex",
    "application/x-www-form-urlencoded; charset=idna", "multipart/form-data; boundary=x; charset=utf-16",
    "multipart/form-data; boundary=x; charset=hex", "multipart/form-data", "multipart/form-data; boundary=" + "x" * 300,
    "application/json; charset=zlib", "text/csv; charset=none-such", "; charset=hex", "charset=" + "x" * 4_000, "\"",
]  # fmt: skip
BODIES = [
    b"a=b", b"\xff\xfe%ff=%00", b"{", b"[" * 50_000, b"--x\r\nContent-Disposition: form-data\r\n\r\nb\r\n--x--\r\n",
    MANY.encode(),
]  # fmt: skip
POSTED = ["/", "/cart/add/", "/admin/login/", "/api/token", "/oauth/token", "/api/v2/carts", "/i18n/setlang/"]
HEADERS = [
    "Cookie: sessionid=%00; csrftoken=x; language=" + "y" * 500, "Accept-Language: q=a;q=b, *;q=1e999",
    "Authorization: Basic ////", "Authorization: Bearer a.b.c", "Authorization: Bearer " + "x" * 4_000,
    "If-None-Match: " + '"' * 500, "If-Modified-Since: Thu, 99 Foo 99999 99:99:99 GMT", "Range: bytes=9-1,a-b",
    "Origin: http://[", "Idempotency-Key: " + "x" * 3_000, "API-Version: v999999", "Accept: a/b;q=z",
    "X-Forwarded-For: ,,,", "Content-Encoding: gzip",
]  # fmt: skip


def request_of(method: str, host: str, path: str, *headers: str, body: bytes = b"") -> bytes:
    length = [f"Content-Length: {len(body)}"] if body else []
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", *headers, *length, "Connection: close", "", ""]
    return "\r\n".join(lines).encode() + body


def requests_to(host: str) -> list[bytes]:
    token = "Cookie: csrftoken=" + "x" * 32
    return [
        *(request_of("GET", host, path) for path in PATHS),
        *(
            request_of("POST", host, path, f"Content-Type: {kind}", token, body=BODIES[number % len(BODIES)])
            for number, (path, kind) in enumerate((path, kind) for path in POSTED for kind in TYPES)
        ),
        *(request_of("POST", host, f"/?{MANY}", f"Content-Type: {kind}", body=b"a=b") for kind in TYPES),
        *(request_of("GET", host, path, header) for path in ("/", "/api/v2/goods") for header in HEADERS),
    ]


def wrong_with(answer: bytes) -> str:
    """Return what is wrong with an answer; empty: nothing."""
    head = answer.partition(b"\r\n\r\n")[0].lower()
    if not answer.startswith(b"HTTP/1.1 ") or answer[9:10] not in b"234":
        return answer[:60].decode(errors="replace")
    if b"content-security-policy" not in head or b"x-content-type-options" not in head:
        # What the server refuses before the application is asked has no headers of ours.
        return "" if answer[9:12] in {b"400", b"414", b"431"} and b"content-type" not in head else "no headers of ours"
    return ""


@pytest.mark.parametrize("interface", SERVERS)
def test_odd_requests_get_an_answer_of_ours_at_real_servers(
    open_shop: Callable[..., TenantInfo], interface: str
) -> None:
    """Fault 32: a long name, 1,001 parameters, a charset: an answer of ours with our headers, below 500."""
    shop = open_shop()
    wrong = []
    with served(interface, SANGGA_ADDRESS_CONCURRENCY="0") as port:
        for host in (shop.host, "localhost"):
            for request in requests_to(host):
                if found := wrong_with(answer_of(port, request)):
                    wrong.append(f"{host} {request[:150]!r}: {found}")
    assert wrong == []
