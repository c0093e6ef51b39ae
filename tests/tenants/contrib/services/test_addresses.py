"""Who leaves an address alone: everybody where it is at fault, and one tenant where only that one waits in vain."""

from __future__ import annotations

import aiohttp
import pytest

from tenants.contrib.services.circuit_breaker import OPENS_AFTER, State
from tenants.contrib.services.endpoints import MOST_IN_FLIGHT, MOST_KEPT_WAITING, Address
from tenants.contrib.services.types import AddressInfo

ACME, GLOBEX, INITECH = 1, 2, 3


@pytest.fixture
def address() -> Address:
    return Address(AddressInfo("http://127.0.0.1:8002"))


def fail(address: Address, tenant: int, error: Exception, times: int = 1) -> None:
    for _ in range(times):
        address.begin(tenant)
        address.failed(tenant, error)


def test_what_one_tenant_waits_for_in_vain_closes_the_address_to_that_one(address: Address) -> None:
    fail(address, ACME, TimeoutError(), 100)
    assert not address.takes_requests_of(ACME)
    assert address.takes_requests_of(GLOBEX)
    assert address.seconds_left(ACME) > 0 == address.seconds_left(GLOBEX)
    assert address.failures == address.attempts == 100
    assert address.left_alone_by() == [ACME]


def test_what_everybody_waits_for_in_vain_closes_it_to_all(address: Address) -> None:
    fail(address, ACME, TimeoutError(), 10)
    fail(address, GLOBEX, TimeoutError(), 10)
    assert address.breaker.state is State.OPEN
    assert not address.takes_requests_of(INITECH)


@pytest.mark.parametrize(
    "error", [ConnectionResetError(), aiohttp.ConnectionTimeoutError(), aiohttp.ClientPayloadError()]
)
def test_a_fault_of_its_own_closes_it_to_all(address: Address, error: Exception) -> None:
    fail(address, ACME, error, OPENS_AFTER)
    assert not address.takes_requests_of(GLOBEX)


def test_a_tenant_that_is_answered_again_is_as_all_others(address: Address) -> None:
    fail(address, ACME, TimeoutError(), OPENS_AFTER)
    (own,) = address.kept_waiting.values()
    own._opens_again = 0.0  # the pause is over
    assert address.takes_requests_of(ACME)
    address.begin(ACME)
    assert not address.takes_requests_of(ACME)  # one at a time asks again
    address.gave_up(ACME)
    assert address.takes_requests_of(ACME)
    address.begin(ACME)
    address.succeeded(ACME)
    assert address.takes_requests_of(ACME)
    assert not address.kept_waiting


def test_one_that_asks_again_for_all_and_waits_in_vain_lets_the_next_one_ask(address: Address) -> None:
    fail(address, ACME, TimeoutError(), OPENS_AFTER)
    fail(address, GLOBEX, ConnectionResetError(), OPENS_AFTER)
    assert address.breaker.state is State.OPEN
    address.breaker._opens_again = 0.0
    for own in address.kept_waiting.values():
        own._opens_again = 0.0
    fail(address, ACME, TimeoutError())
    assert not address.takes_requests_of(ACME)
    assert address.takes_requests_of(INITECH)
    address.begin(INITECH)
    address.succeeded(INITECH)
    assert address.breaker.state is State.CLOSED


def test_no_more_is_kept_than_it_has_room_for(address: Address) -> None:
    for tenant in range(3 * MOST_KEPT_WAITING):
        address.begin(tenant)
        address.succeeded(tenant)  # so that it stays open to all
        fail(address, tenant, TimeoutError())
    assert len(address.kept_waiting) <= MOST_KEPT_WAITING


def test_an_address_has_so_much_in_hand_and_no_more(address: Address) -> None:
    address.in_flight = MOST_IN_FLIGHT
    assert not address.takes_requests_of(ACME)
