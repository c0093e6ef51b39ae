"""The gateway connects only to registered addresses, and to private ones only if the operator allows it."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest
from aiohttp import ThreadedResolver

from tenants import TenantInfo
from tenants.contrib.services.networks import is_allowed
from tests.tenants.contrib.gateway.conftest import Front
from tests.tenants.contrib.gateway.upstreams import Telling

PRIVATE = [
    "127.0.0.1", "127.8.8.8", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
    "224.0.0.1", "255.255.255.255", "198.18.0.1", "192.0.2.1", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1",
    "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "2002:7f00:1::", "2001:db8::1", "64:ff9b:1::1",
    "64:ff9b::7f00:1",
]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_a_private_address_is_allowed_by_its_range_alone(address: str) -> None:
    assert not is_allowed(address, [])
    assert not is_allowed(address, [ip_network("203.0.113.0/24")])


@pytest.mark.parametrize(
    ("address", "within"),
    [("127.0.0.1", "127.0.0.0/8"), ("::ffff:10.1.2.3", "10.0.0.0/8"), ("10.1.2.3", "10.1.0.0/16"), ("::1", "::1/128")],
)
def test_a_range_allows_what_is_in_it(address: str, within: str) -> None:
    assert is_allowed(address, [ip_network(within)])


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111"])
def test_public_addresses_need_no_range(address: str) -> None:
    assert is_allowed(address, [])


@pytest.mark.parametrize("url", ["http://127.0.0.1:{}", "http://localhost:{}", "http://[::ffff:127.0.0.1]:{}"])
def test_a_service_on_a_private_address_is_not_connected_to(front: Front, shop: TenantInfo, url: str) -> None:
    telling = Telling()
    port = front.loop.run(telling.start())
    front.register([url.format(port)], private_ranges="", retries=0)
    assert front.ask(shop).status == 502
    assert telling.asked == 0
    front.loop.run(telling.stop())


def test_what_counts_is_where_a_name_leads_when_it_is_connected_to(
    front: Front, shop: TenantInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: a name that was public a moment ago leads inside now."""
    telling = Telling()
    port = front.loop.run(telling.start())
    real = ThreadedResolver.resolve

    async def rebound(self: Any, host: str, *arguments: Any, **options: Any) -> Any:
        return await real(self, "127.0.0.1" if host == "stock.example" else host, *arguments, **options)

    monkeypatch.setattr(ThreadedResolver, "resolve", rebound)
    service = front.register([f"http://stock.example:{port}"], private_ranges="10.0.0.0/8", retries=0)
    assert front.ask(shop).status == 502
    assert telling.asked == 0
    front.change(service, private_ranges="127.0.0.0/8")
    assert front.ask(shop).status == 200  # the control: the name does lead there
    front.loop.run(telling.stop())


def test_a_range_that_is_taken_back_closes_what_was_connected(front: Front, shop: TenantInfo) -> None:
    telling = Telling()
    service = front.behind(telling, retries=0)
    assert front.ask(shop).status == 200
    front.change(service, private_ranges="")
    assert front.ask(shop).status == 502
    assert telling.asked == 1


def test_a_redirect_of_a_service_is_the_clients_affair(front: Front, shop: TenantInfo) -> None:
    telling = Telling()
    front.behind(telling)
    reply = front.ask(shop, "/status?code=302")
    assert reply.status == 302
    assert telling.asked == 1
