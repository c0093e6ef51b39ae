"""Unruly applications at the servers that are shipped, over sockets."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Callable

import pytest

from tenants import PLATFORM, TenantInfo, use_tenant
from tenants.contrib.mounts.models import Mount
from tests.isolation.servers import SERVERS, served

OWNER = b"owner@served.example"


def ask(port: int, shop: TenantInfo, path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=180)
    try:
        connection.request("GET", path, headers={"Host": shop.host})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def begin_upload(port: int, shop: TenantInfo) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", port), timeout=180)
    head = f"POST /asgi/size HTTP/1.1\r\nHost: {shop.host}\r\nContent-Length: 10\r\nConnection: close\r\n\r\n12345"
    client.sendall(head.encode())
    return client


def rest_of(client: socket.socket) -> bytes:
    received = b""
    while piece := client.recv(65_536):
        received += piece
    client.close()
    return received


@pytest.mark.timeout(300)
@pytest.mark.parametrize("interface", SERVERS)
def test_server_outlives_applications_that_exit_and_hang(open_shop: Callable[..., TenantInfo], interface: str) -> None:
    """Fault 48, fault 35, fault 55: a mount ends neither the server nor another mount, and holds neither up."""
    one, other = (open_shop(owner_email=OWNER.decode()) for _ in range(2))
    with use_tenant(PLATFORM):
        for shop in (one, other):
            for app in ("wsgi", "asgi"):
                Mount.objects.create(tenant_id=shop.id, app=app, path=app, is_for_staff=False)
    with served(interface, DJANGO_SETTINGS_MODULE="tests.tenants.contrib.mounts.server_settings") as port:
        for app in ("wsgi", "asgi"):
            for path in ("exit", "interrupt", "gravely"):
                assert ask(port, one, f"/{app}/{path}")[0] == 500, (app, path)
                assert ask(port, one, f"/{app}/") == (200, OWNER), (app, path)
            assert ask(port, one, f"/{app}/sleep")[0] == 504
            assert ask(port, one, f"/{app}/") == (200, OWNER)
        assert ask(port, one, "/asgi/exit-in-task") == (200, OWNER)
        uploads = [begin_upload(port, one) for _ in range(3)]
        assert ask(port, other, "/asgi/") == (200, OWNER)
        for upload in uploads:
            upload.sendall(b"67890")
            received = rest_of(upload)
            assert received.startswith(b"HTTP/1.1 200 ")
            assert OWNER in received
            assert b" 10" in received
        assert ask(port, other, "/wsgi/") == (200, OWNER)
        assert ask(port, one, "/")[0] == 200
