"""Idle connections to the server that the demo starts."""

from __future__ import annotations

import resource
import socket
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from tenants import TenantInfo
from tests.isolation.servers import DEMO, served
from tests.isolation.test_slow_bodies import page

MANY = 1_300


def connection_to(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), 60)


@pytest.mark.skipif(resource.getrlimit(resource.RLIMIT_NOFILE)[0] < MANY + 300, reason="too few files may be open")
@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHost: a", b"GET /static/none HTTP/1.1\r\nHost: x\r\n\r\n"])
def test_thousand_half_open_connections_block_no_request(live_tenant: TenantInfo, sent: bytes) -> None:
    """Fault 34: 1,100 connections without a request stopped the demo's server for 30 seconds."""
    with served("WSGI", DEMO) as port, ExitStack() as stack:
        half_open = [stack.enter_context(connection_to(port)) for _ in range(MANY)]
        for connection in half_open:
            connection.sendall(sent)
        assert [page(port, live_tenant.host) for _ in range(3)] == ["200"] * 3
        assert half_open[0].fileno() >= 0


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHost: a"])
def test_a_connection_without_a_request_is_closed_in_time(open_shop: Callable[..., TenantInfo], sent: bytes) -> None:
    """Fault 34: a connection has five seconds for the head of its request."""
    shop = open_shop()
    with served("WSGI", DEMO) as port, connection_to(port) as connection:
        connection.sendall(sent)
        while connection.recv(65536):
            pass
        assert page(port, shop.host) == "200"
