"""Slow and missing bodies at real servers: they block no shop, not even their own."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest

from tenants import TenantInfo
from tests.isolation.servers import SERVERS, served
from tests.isolation.test_host_attacks import answer_of

pytestmark = pytest.mark.parametrize("interface", SERVERS)


def head_of(host: str, path: str, *more: str, length: int = 100_000) -> bytes:
    lines = [f"POST {path} HTTP/1.1", f"Host: {host}", f"Content-Length: {length}", *more, "", ""]
    return "\r\n".join(lines).encode()


@contextmanager
def begun(port: int, request: bytes, times: int) -> Iterator[list[socket.socket]]:
    """Start so many requests from different addresses inside the block, and do not send the rest."""
    with ExitStack() as open_ones:
        connections = []
        for number in range(times):
            source = (f"127.0.0.{number + 2}", 0)
            connection = socket.create_connection(("127.0.0.1", port), 60, source)
            connections.append(open_ones.enter_context(connection))
            connection.sendall(request)
        yield connections


def status_of(answer: bytes) -> str:
    return answer[9:12].decode()


def page(port: int, host: str) -> str:
    return status_of(answer_of(port, f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()))


def first_line(connection: socket.socket) -> bytes:
    return connection.recv(65536)


def test_slow_bodies_close_neither_their_shop_nor_another(open_shop: Callable[..., TenantInfo], interface: str) -> None:
    """Fault 47: two tokens asked for with bodies that do not come, and every page of that shop was 503."""
    slow, other = open_shop(), open_shop()
    with served(interface, SANGGA_MAX_REQUEST_BODIES="3", SANGGA_BODY_SECONDS="600") as port:
        with begun(port, head_of(slow.host, "/oauth/token") + b"a", 2) as connections:
            assert [page(port, host) for host in (slow.host, other.host) * 3] == ["200"] * 6
            for connection in connections:
                connection.sendall(b"b")
            assert page(port, slow.host) == "200"


def test_many_slow_bodies_at_the_platform_leave_the_shops_alone(
    open_shop: Callable[..., TenantInfo], interface: str
) -> None:
    """Fault 47: 66 slow logins at the platform's host, and no shop answered."""
    shop = open_shop()
    with served(interface, SANGGA_MAX_REQUEST_BODIES="3", SANGGA_BODY_SECONDS="600") as port:
        with begun(port, head_of("localhost", "/admin/login/") + b"a", 66) as connections:
            if interface == "WSGI":
                refused = first_line(connections[-1])
                assert status_of(refused) == "503"
                assert b"retry-after: 2" in refused.lower()
            assert [page(port, shop.host) for _ in range(5)] == ["200"] * 5
            whole = head_of(shop.host, "/api/token", "Connection: close", length=3) + b"a=b"
            assert status_of(answer_of(port, whole)) in {"400", "422"}, "a shop takes what is sent at once"


def test_a_body_that_does_not_come_in_time_is_408_with_our_headers(live_tenant: TenantInfo, interface: str) -> None:
    """Fault 47: a body has a deadline, and the answer is a page of the shop's."""
    with served(interface, SANGGA_BODY_SECONDS="0.5") as port:
        with begun(port, head_of(live_tenant.host, "/oauth/token", "Connection: close") + b"a", 1) as [connection]:
            answer = first_line(connection)
            assert status_of(answer) == "408"
            assert b"content-security-policy" in answer.lower()
        assert page(port, live_tenant.host) == "200"


def test_a_body_that_comes_in_pieces_arrives_whole(live_tenant: TenantInfo, interface: str) -> None:
    """Fault 47: what comes slowly and in time is taken, with a length and in chunks."""
    form = b"grant_type=password&username=ghost&password=wrong"
    chunks = b"".join(b"%x\r\n%c\r\n" % (1, byte) for byte in form) + b"0\r\n\r\n"
    kind = "Content-Type: application/x-www-form-urlencoded"
    head = head_of(live_tenant.host, "/api/token", kind, "Connection: close", length=len(form))
    chunked = head.replace(b"Content-Length: %d" % len(form), b"Transfer-Encoding: chunked")
    with served(interface) as port:
        for request in (head + form, chunked + chunks):
            with socket.create_connection(("127.0.0.1", port), 60) as connection:
                for start in range(0, len(request), 97):
                    connection.sendall(request[start : start + 97])
                    time.sleep(0.01)
                answer = connection.recv(65536)
            assert status_of(answer) == "401", answer


def test_a_body_larger_than_any_is_413_before_it_comes(live_tenant: TenantInfo, interface: str) -> None:
    """Fault 47: the size of a body is limited, also for strangers."""
    with served(interface) as port:
        head = head_of(live_tenant.host, "/oauth/token", "Connection: close", length=10**12)
        with begun(port, head + b"a", 1) as [connection]:
            assert status_of(first_line(connection)) == "413"


def test_a_body_that_breaks_off_is_an_error_of_the_client(live_tenant: TenantInfo, interface: str) -> None:
    with served(interface) as port:
        with begun(port, head_of(live_tenant.host, "/oauth/token") + b"a", 3) as connections:
            for connection in connections:
                connection.shutdown(socket.SHUT_WR)
        assert [page(port, live_tenant.host) for _ in range(3)] == ["200"] * 3
