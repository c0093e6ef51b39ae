"""Circuit breakers of an address: for all tenants after its errors, for one tenant after timeouts of that one only."""

from __future__ import annotations

import aiohttp
import pytest

from tenants.contrib.services.circuit_breaker import FAILURES_TO_OPEN, BreakerState
from tenants.contrib.services.endpoints import MAX_IN_FLIGHT, MAX_TENANT_BREAKERS, Endpoint
from tenants.contrib.services.types import AddressInfo

ACME, GLOBEX, INITECH = 1, 2, 3


@pytest.fixture
def address() -> Endpoint:
    return Endpoint(AddressInfo("http://127.0.0.1:8002"))


def fail(address: Endpoint, tenant: int, error: Exception, times: int = 1) -> None:
    for _ in range(times):
        address.start_request(tenant)
        address.record_failure(tenant, error)


def test_timeouts_of_one_tenant_open_the_circuit_for_that_tenant_only(address: Endpoint) -> None:
    fail(address, ACME, TimeoutError(), 100)
    assert not address.accepts(ACME)
    assert address.accepts(GLOBEX)
    assert address.retry_after(ACME) > 0 == address.retry_after(GLOBEX)
    assert address.failures == address.attempts == 100
    assert address.blocked_tenants() == [ACME]


def test_timeouts_of_several_tenants_open_the_circuit_for_all(address: Endpoint) -> None:
    fail(address, ACME, TimeoutError(), 10)
    fail(address, GLOBEX, TimeoutError(), 10)
    assert address.breaker.state is BreakerState.OPEN
    assert not address.accepts(INITECH)


@pytest.mark.parametrize(
    "error", [ConnectionResetError(), aiohttp.ConnectionTimeoutError(), aiohttp.ClientPayloadError()]
)
def test_connection_error_opens_the_circuit_for_all(address: Endpoint, error: Exception) -> None:
    fail(address, ACME, error, FAILURES_TO_OPEN)
    assert not address.accepts(GLOBEX)


def test_a_tenant_that_is_answered_again_is_as_all_others(address: Endpoint) -> None:
    fail(address, ACME, TimeoutError(), FAILURES_TO_OPEN)
    (own,) = address.tenant_breakers.values()
    own._probe_at = 0.0  # the pause is over
    assert address.accepts(ACME)
    address.start_request(ACME)
    assert not address.accepts(ACME)  # one at a time asks again
    address.record_cancelled(ACME)
    assert address.accepts(ACME)
    address.start_request(ACME)
    address.record_success(ACME)
    assert address.accepts(ACME)
    assert not address.tenant_breakers


def test_circuit_after_a_failed_probe_lets_another_tenant_probe(address: Endpoint) -> None:
    fail(address, ACME, TimeoutError(), FAILURES_TO_OPEN)
    fail(address, GLOBEX, ConnectionResetError(), FAILURES_TO_OPEN)
    assert address.breaker.state is BreakerState.OPEN
    address.breaker._probe_at = 0.0
    for own in address.tenant_breakers.values():
        own._probe_at = 0.0
    fail(address, ACME, TimeoutError())
    assert not address.accepts(ACME)
    assert address.accepts(INITECH)
    address.start_request(INITECH)
    address.record_success(INITECH)
    assert address.breaker.state is BreakerState.CLOSED


def test_no_more_is_kept_than_it_has_room_for(address: Endpoint) -> None:
    for tenant in range(3 * MAX_TENANT_BREAKERS):
        address.start_request(tenant)
        address.record_success(tenant)  # so that it stays open to all
        fail(address, tenant, TimeoutError())
    assert len(address.tenant_breakers) <= MAX_TENANT_BREAKERS


def test_address_has_a_maximum_of_concurrent_requests(address: Endpoint) -> None:
    address.in_flight = MAX_IN_FLIGHT
    assert not address.accepts(ACME)
