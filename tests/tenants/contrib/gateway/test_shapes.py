"""Ambiguous requests are refused and never reach a service."""

# ruff: noqa: E501  # what is sent is read best in one line

from __future__ import annotations

import pytest

from tenants import TenantInfo
from tests.tenants.contrib.gateway.conftest import Front
from tests.tenants.contrib.gateway.upstreams import Telling

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
    "chunked over HTTP/1.0": "POST / HTTP/1.0\r\nHost: HOST\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "full-width letters in the host": "GET / HTTP/1.1\r\nHost: \uff41\uff43\uff4d\uff45.localhost\r\n\r\n",
    "an ideographic dot in the host": "GET / HTTP/1.1\r\nHost: acme\u3002localhost\r\n\r\n",
    "other digits in the port": "GET / HTTP/1.1\r\nHost: HOST:\u0668\u0660\r\n\r\n",
    "an empty port": "GET / HTTP/1.1\r\nHost: HOST:\r\n\r\n",
    "two tokens": "GET / HTTP/1.1\r\nHost: HOST\r\nAuthorization: Bearer a.b.c\r\nAuthorization: Bearer d.e.f\r\n\r\n",
    "two kinds of a body": "POST / HTTP/1.1\r\nHost: HOST\r\nContent-Type: text/plain\r\nContent-Type: text/html\r\nContent-Length: 0\r\n\r\n",
    "two origins": "GET / HTTP/1.1\r\nHost: HOST\r\nOrigin: http://a.example\r\nOrigin: http://HOST\r\n\r\n",
    "a WebSocket with a body": "GET / HTTP/1.1\r\nHost: HOST\r\nConnection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 5\r\n\r\nhello",
    "a WebSocket by POST": "POST / HTTP/1.1\r\nHost: HOST\r\nConnection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 5\r\n\r\nhello",
    "a WebSocket over HTTP/1.0": "GET / HTTP/1.0\r\nHost: HOST\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
    "an unknown version": "GET / HTTP/3.0\r\nHost: HOST\r\n\r\n",
    "no version": "GET /\r\nHost: HOST\r\n\r\n",
    "HTTP/2 without having asked": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "tracing": "TRACE / HTTP/1.1\r\nHost: HOST\r\nX-Secret: s\r\n\r\n",
    "an invented method": "GÄT / HTTP/1.1\r\nHost: HOST\r\n\r\n",
    "dots": "GET /a/../b HTTP/1.1\r\nHost: HOST\r\n\r\n",
    "encoded dots": "GET /a/%2e%2E/b HTTP/1.1\r\nHost: HOST\r\n\r\n",
    "dots behind an encoded slash": "GET /a/..%2fb HTTP/1.1\r\nHost: HOST\r\n\r\n",
    "dots between backslashes": "GET /a\\..\\b HTTP/1.1\r\nHost: HOST\r\n\r\n",
    "dots before a semicolon": "GET /a/..;b/c HTTP/1.1\r\nHost: HOST\r\n\r\n",
    "one dot": "GET /./a HTTP/1.1\r\nHost: HOST\r\n\r\n",
    "an encoded NUL": "GET /a%00b HTTP/1.1\r\nHost: HOST\r\n\r\n",
    "a path without end": f"GET /{'a' * 20_000} HTTP/1.1\r\nHost: HOST\r\n\r\n",
    "a header without end": f"GET / HTTP/1.1\r\nHost: HOST\r\nX-A: {'a' * 20_000}\r\n\r\n",
    "headers without end": "GET / HTTP/1.1\r\nHost: HOST\r\n" + "X-A: b\r\n" * 500 + "\r\n",
    "many long headers": "GET / HTTP/1.1\r\nHost: HOST\r\n" + f"X-A: {'b' * 4000}\r\n" * 20 + "\r\n",
}  # fmt: skip


@pytest.mark.parametrize("shape", BAD)
def test_it_is_refused_and_the_connection_closed(shared_front: Front, shop: TenantInfo, shape: str) -> None:
    """Fault 33: what two servers could read in two ways reaches no service."""
    asked = shared_front.telling.asked
    sent = BAD[shape].replace("HOST", shop.host)
    # What follows must not be taken for another request.
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


@pytest.mark.parametrize(
    "path",
    [
        "/stock/%61dmin/x", "/stock//admin/x", "/stock/%2Fadmin/x", "/stock/admin%2Fx", "/stock/admin%5Cx", "//stock/admin/",
        "/stock/admin\\x", "/stock\\admin/x", "/stock/admin;a=b/x", "/stock/;a/admin/x", "/%73tock/x", "/st%6Fck/admin/x",
    ],
)  # fmt: skip
def test_no_spelling_of_a_path_leads_around_the_scopes_of_a_longer_one(
    front: Front, shop: TenantInfo, path: str
) -> None:
    telling = Telling()
    front.behind(telling, name="everything", prefixes="/")
    front.behind(telling, name="stock", prefixes="/stock/")
    front.behind(telling, name="stock-admin", prefixes="/stock/admin/", scopes="goods:write")
    assert front.ask(shop, "/stock/admin/x").status == 401
    reply = front.ask(shop, path)
    assert (reply.status, telling.asked) == (400, 0)
    assert "unescaped" in reply.json["detail"]


@pytest.mark.parametrize(
    "path",
    [
        "/stock/a%20b", "/stock/%EA%B0%80%EB%B0%A9", "/stock/%7Ekim", "/stock/a%2Fb", "/stock/see/https://a.example/",
        "/stock/a;v=1", "/stock/admin-of-it/%61", "/stock/admin%25", "/stock/x?next=/stock//admin/%61;b",
    ],
)  # fmt: skip
def test_what_leads_to_one_service_either_way_arrives_as_it_was_sent(front: Front, shop: TenantInfo, path: str) -> None:
    telling = Telling()
    front.behind(telling, name="stock", prefixes="/stock/")
    front.behind(telling, name="stock-admin", prefixes="/stock/admin/", scopes="goods:write")
    assert front.ask(shop, path).json["target"] == path


@pytest.mark.parametrize("path", ["/-/metrics", "/%2D/metrics", "//-/metrics", "/-%2Fmetrics"])
def test_a_processs_own_pages_are_not_asked_for_at_a_service(shared_front: Front, shop: TenantInfo, path: str) -> None:
    asked = shared_front.telling.asked
    assert (shared_front.ask(shop, path).status, shared_front.telling.asked) == (404, asked)
