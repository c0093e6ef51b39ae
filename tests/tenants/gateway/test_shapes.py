"""What two servers could understand in two ways is refused, and never reaches a service."""

# ruff: noqa: E501  # what is sent is read best in one line

from __future__ import annotations

import pytest

from tenants import TenantInfo
from tests.tenants.gateway.conftest import Front

SMUGGLED = "GET /smuggled HTTP/1.1\r\nHost: HOST\r\n\r\n"

BAD = {
    "both lengths": "POST / HTTP/1.1\r\nHost: HOST\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "both lengths, turned round": "POST / HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "two lengths": "POST / HTTP/1.1\r\nHost: HOST\r\nContent-Length: 0\r\nContent-Length: 44\r\n\r\n" + SMUGGLED,
    "two equal lengths": "POST / HTTP/1.1\r\nHost: HOST\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    "a list of lengths": "POST / HTTP/1.1\r\nHost: HOST\r\nContent-Length: 3, 3\r\n\r\nabc",
    "a length with a sign": "POST / HTTP/1.1\r\nHost: HOST\r\nContent-Length: +3\r\n\r\nabc",
    "a negative length": "POST / HTTP/1.1\r\nHost: HOST\r\nContent-Length: -1\r\n\r\nabc",
    "a length in other digits": "POST / HTTP/1.1\r\nHost: HOST\r\nContent-Length: ٣\r\n\r\nabc",
    "an unknown coding": "POST / HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "two codings": "POST / HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "chunked twice": "POST / HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked and identity": "POST / HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "a hidden coding": "POST / HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "a blank before the colon": "POST / HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "a folded header": "GET / HTTP/1.1\r\nHost: HOST\r\nX-A: b\r\n c\r\n\r\n",
    "a bare CR": "GET / HTTP/1.1\r\nHost: HOST\r\nX-A: b\rX-C: d\r\n\r\n",
    "a bare CR as the end": "GET / HTTP/1.1\rHost: HOST\r\r",
    "a NUL in a header": "GET / HTTP/1.1\r\nHost: HOST\r\nX-A: b\0c\r\n\r\n",
    "no colon": "GET / HTTP/1.1\r\nHost: HOST\r\nnonsense\r\n\r\n",
    "an empty name": "GET / HTTP/1.1\r\nHost: HOST\r\n: b\r\n\r\n",
    "a blank in a name": "GET / HTTP/1.1\r\nHost: HOST\r\nX A: b\r\n\r\n",
    "two hosts": "GET / HTTP/1.1\r\nHost: HOST\r\nHost: localhost\r\n\r\n",
    "two equal hosts": "GET / HTTP/1.1\r\nHost: HOST\r\nHost: HOST\r\n\r\n",
    "no host": "GET / HTTP/1.1\r\n\r\n",
    "an empty host": "GET / HTTP/1.1\r\nHost:\r\n\r\n",
    "a host with a path": "GET / HTTP/1.1\r\nHost: HOST/evil\r\n\r\n",
    "a host with a user": "GET / HTTP/1.1\r\nHost: evil@HOST\r\n\r\n",
    "a host with a blank": "GET / HTTP/1.1\r\nHost: HOST evil\r\n\r\n",
    "an absolute address": "GET http://HOST/ HTTP/1.1\r\nHost: HOST\r\n\r\n",
    "another's absolute address": "GET http://localhost/ HTTP/1.1\r\nHost: HOST\r\n\r\n",
    "an absolute address of a file": "GET file:///etc/passwd HTTP/1.1\r\nHost: HOST\r\n\r\n",
    "an authority": "CONNECT HOST:80 HTTP/1.1\r\nHost: HOST\r\n\r\n",
    "an asterisk": "OPTIONS * HTTP/1.1\r\nHost: HOST\r\n\r\n",
    "no slash": "GET evil HTTP/1.1\r\nHost: HOST\r\n\r\n",
    "an at sign for a path": "GET @evil.example/ HTTP/1.1\r\nHost: HOST\r\n\r\n",
    "a fragment": "GET /a#b HTTP/1.1\r\nHost: HOST\r\n\r\n",
    "a blank in the path": "GET /a b HTTP/1.1\r\nHost: HOST\r\n\r\n",
    "a control character in the path": "GET /a\x01b HTTP/1.1\r\nHost: HOST\r\n\r\n",
    "letters beyond ASCII in the path": "GET /ä HTTP/1.1\r\nHost: HOST\r\n\r\n",
    "an unknown version": "GET / HTTP/3.0\r\nHost: HOST\r\n\r\n",
    "no version": "GET /\r\nHost: HOST\r\n\r\n",
    "HTTP/2 without having asked": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "tracing": "TRACE / HTTP/1.1\r\nHost: HOST\r\nX-Secret: s\r\n\r\n",
    "an invented method": "GÄT / HTTP/1.1\r\nHost: HOST\r\n\r\n",
    "dots": "GET /a/../b HTTP/1.1\r\nHost: HOST\r\n\r\n",
    "encoded dots": "GET /a/%2e%2E/b HTTP/1.1\r\nHost: HOST\r\n\r\n",
    "dots behind an encoded slash": "GET /a/..%2fb HTTP/1.1\r\nHost: HOST\r\n\r\n",
    "dots between backslashes": "GET /a\\..\\b HTTP/1.1\r\nHost: HOST\r\n\r\n",
    "one dot": "GET /./a HTTP/1.1\r\nHost: HOST\r\n\r\n",
    "an encoded NUL": "GET /a%00b HTTP/1.1\r\nHost: HOST\r\n\r\n",
    "a path without end": f"GET /{'a' * 20_000} HTTP/1.1\r\nHost: HOST\r\n\r\n",
    "a header without end": f"GET / HTTP/1.1\r\nHost: HOST\r\nX-A: {'a' * 20_000}\r\n\r\n",
    "headers without end": "GET / HTTP/1.1\r\nHost: HOST\r\n" + "X-A: b\r\n" * 500 + "\r\n",
    "many long headers": "GET / HTTP/1.1\r\nHost: HOST\r\n" + f"X-A: {'b' * 4000}\r\n" * 20 + "\r\n",
}  # fmt: skip


@pytest.mark.parametrize("shape", BAD)
def test_it_is_refused_and_the_connection_closed(shared_front: Front, shop: TenantInfo, shape: str) -> None:
    asked = shared_front.telling.asked
    sent = BAD[shape].replace("HOST", shop.host)
    # What stands behind it shall not be taken for a request of its own.
    answer = shared_front.raw(sent.encode("utf-8") + SMUGGLED.replace("HOST", shop.host).encode() * 2)
    status = int(answer.split(b" ")[1])
    assert 400 <= status < 500, answer[:300]
    assert shared_front.telling.asked == asked
    assert answer.count(b"HTTP/1.") == 1
    assert b"application/problem+json" in answer
    assert b'"request_id": "' in answer


BAD_BODIES = {
    "a length that is none": b"zz\r\nhello\r\n0\r\n\r\n",
    "a length with a sign": b"+5\r\nhello\r\n0\r\n\r\n",
    "a length as Python has it": b"0x5\r\nhello\r\n0\r\n\r\n",
    "a length beyond 64 bits": b"fffffffffffffffff\r\nhello\r\n0\r\n\r\n",
    "a chunk longer than said": b"3\r\nhello\r\n0\r\n\r\n",
    "a chunk that ends with LF": b"5\r\nhello\n0\r\n\r\n",
    "a length that ends with LF": b"5\nhello\r\n0\r\n\r\n",
    "a bare CR in an extension": b"5;a\rb\r\nhello\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("shape", BAD_BODIES)
def test_bad_chunks_end_the_request_and_the_connection(shared_front: Front, shop: TenantInfo, shape: str) -> None:
    head = f"POST / HTTP/1.1\r\nHost: {shop.host}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    answer = shared_front.raw(head + BAD_BODIES[shape] + SMUGGLED.replace("HOST", shop.host).encode())
    assert answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.0 400 ")), answer[:300]
    assert answer.count(b"HTTP/1.") == 1
    assert b"smuggled" not in answer


def test_good_requests_one_after_the_other_are_two(shared_front: Front, shop: TenantInfo) -> None:
    """The control: the same connection, with nothing wrong in what is sent."""
    asked = shared_front.telling.asked
    body = f"POST / HTTP/1.1\r\nHost: {shop.host}\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    last = f"GET /last HTTP/1.1\r\nHost: {shop.host}\r\nConnection: close\r\n\r\n"
    answer = shared_front.raw((body + last).encode())
    assert answer.count(b"HTTP/1.1 200 OK") == 2
    assert shared_front.telling.asked == asked + 2


def test_a_service_cannot_split_an_answer(shared_front: Front, shop: TenantInfo) -> None:
    """Line breaks in what a service says cannot become headers of another's answer."""
    answer = shared_front.raw(
        f"GET /x%0d%0aSet-Cookie:%20a=b HTTP/1.1\r\nHost: {shop.host}\r\nConnection: close\r\n\r\n".encode()
    )
    assert b"\r\nSet-Cookie" not in answer
