"""A real gateway on a free port, on an event loop in another thread, and services behind it."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Thread
from typing import Any, TypeVar

import pytest
import uvloop
from django.db import connections

from tenants import PLATFORM, TenantInfo, use_tenant
from tenants.contrib.gateway.connection_limits import ClientConnections
from tenants.contrib.gateway.gateway import Gateway
from tenants.contrib.gateway.server import GatewayOptions, GatewayServer
from tenants.contrib.services.models import Service
from tenants.contrib.services.registry import service_registry
from tenants.registry.listener import listener
from tenants.registry.lookup import tenant_by_slug
from tests.tenants.contrib.gateway.upstreams import Failing, Telling

T = TypeVar("T")


class Loop:
    """An event loop on a thread, of the gateway's kind."""

    def __init__(self) -> None:
        self.loop = uvloop.new_event_loop()
        self._thread = Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T], seconds: float = 60.0) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(seconds)

    def stop(self) -> None:
        async def cancel_all() -> None:
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.sleep(0.02)  # transports close in the loop's next rounds

        self.run(cancel_all())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


@dataclass
class Reply:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def received(self) -> dict[str, str]:
        """Headers that a `Telling` service received, in lower case."""
        return {name.lower(): value for name, value in self.json["headers"]}


@dataclass
class Front:
    """The gateway as clients see it, and the services behind it."""

    loop: Loop
    gateway: Gateway
    port: int
    clients: ClientConnections
    _services: list[Service] = field(default_factory=list)
    _upstreams: list[Telling | Failing] = field(default_factory=list)

    def behind(self, *upstreams: Telling | Failing, **service: Any) -> Service:
        """Start services and register them as the addresses of one."""
        ports = [upstream.port or self.loop.run(upstream.start()) for upstream in upstreams]
        self._upstreams += upstreams
        return self.register([f"http://127.0.0.1:{port}" for port in ports], **service)

    def register(self, urls: list[str], **service: Any) -> Service:
        values = {"name": "telling", "prefixes": "/", "every_tenant": True, "private_ranges": "127.0.0.0/8"}
        with use_tenant(PLATFORM):
            row = Service.objects.create(**{**values, **service})
            for url in urls:
                row.addresses.create(url=url)
        self._services.append(row)
        service_registry.invalidate()
        return row

    def change(self, service: Service, **values: Any) -> None:
        with use_tenant(PLATFORM):
            Service.objects.filter(pk=service.pk).update(**values)
        service_registry.invalidate()

    def replace_addresses(self, service: Service, urls: list[str]) -> None:
        with use_tenant(PLATFORM):
            service.addresses.update(is_active=False)
            for url in urls:
                service.addresses.create(url=url)
        service_registry.invalidate()

    def ask(
        self, tenant: TenantInfo | str, target: str = "/", method: str = "GET", body: Any = None, **headers: str
    ) -> Reply:
        """Send one request over a new connection."""
        host = tenant if isinstance(tenant, str) else tenant.host
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=180)
        try:
            connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
            connection.putheader("Host", host)
            for name, value in headers.items():
                connection.putheader(name.replace("_", "-"), value)
            if body is not None:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            response = connection.getresponse()
            return Reply(response.status, response.headers, response.read())
        finally:
            connection.close()

    @property
    def telling(self) -> Telling:
        """The first service behind it."""
        first = self._upstreams[0]
        assert isinstance(first, Telling)
        return first

    def raw(self, data: bytes) -> bytes:
        """Send raw bytes, and return everything until the gateway closes the connection or has responded."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=180) as client:
            client.sendall(data)
            received = b""
            while chunk := client.recv(65536):
                received += chunk
            return received

    def take_down(self) -> None:
        with use_tenant(PLATFORM):
            Service.objects.filter(pk__in=[row.pk for row in self._services]).delete()
        service_registry.invalidate()
        for upstream in self._upstreams:
            self.loop.run(upstream.stop())


@contextmanager
def opened_front(**options: Any) -> Iterator[Front]:
    """A separate gateway inside the block."""
    loop = Loop()

    async def start() -> tuple[Front, GatewayServer]:
        gateway = Gateway(**options)
        server = GatewayServer(gateway, GatewayOptions(port=0, grace=1.0))
        return Front(loop, gateway, await server.start(), server.clients), server

    front, server = loop.run(start())
    assert listener.listening.wait(180)
    try:
        yield front
    finally:
        front.take_down()
        loop.run(server.stop())
        listener.stop()
        loop.stop()


@pytest.fixture
def front(committed: None) -> Iterator[Front]:
    with opened_front() as opened:
        yield opened


@pytest.fixture(scope="module")
def shared_front(django_db_setup: None, django_db_blocker: Any) -> Iterator[Front]:
    """A shared gateway with one service, for tests that change nothing."""
    with django_db_blocker.unblock(), opened_front() as opened:
        opened.behind(Telling())
        yield opened
        connections.close_all()


@pytest.fixture
def shop(committed: None) -> TenantInfo:
    """A shared shop, for tests that change nothing."""
    return tenant_by_slug("acme")
