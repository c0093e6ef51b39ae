"""Active health checks: every address of every service that has a path for it is asked now and then."""

from __future__ import annotations

import asyncio
import logging

import aiohttp
from yarl import URL

from tenants.conf import tenancy
from tenants.context import PLATFORM
from tenants.contrib.gateway.errors import Refused
from tenants.contrib.gateway.gateway import Gateway
from tenants.contrib.observability.principal import STRANGER
from tenants.contrib.services.endpoints import UNHEALTHY_AFTER, Address
from tenants.contrib.services.identity import HEADER
from tenants.contrib.services.keys import identity_header
from tenants.contrib.services.upstreams import Upstream

logger = logging.getLogger(__name__)

SECONDS_BETWEEN = 2.0
"""From the end of one round to the beginning of the next."""
PATIENCE = 2.0
"""Seconds that an address has to say that it is well."""


async def watch_health(gateway: Gateway) -> None:
    """Ask for ever."""
    while True:
        try:
            await check_all(gateway)
        except Refused as refused:
            logger.warning("Health is not checked: %s", refused.detail)
        await asyncio.sleep(SECONDS_BETWEEN)


async def check_all(gateway: Gateway) -> None:
    """Ask every address once, all at the same time, and let go of services that are registered no more."""
    services = await gateway.lookups.services()
    gateway.upstreams.keep(services.by_name)
    upstreams = [gateway.upstreams.of(service) for service in services.by_name.values()]
    asked = [
        (upstream, address) for upstream in upstreams if upstream.service.health_path for address in upstream.addresses
    ]
    await asyncio.gather(*(_check(upstream, address) for upstream, address in asked))


async def _check(upstream: Upstream, address: Address) -> None:
    was_healthy = address.is_healthy
    if await _is_well(upstream, address):
        address.failed_checks = 0
    else:
        address.failed_checks = min(address.failed_checks + 1, UNHEALTHY_AFTER)
    if address.is_healthy != was_healthy:
        logger.warning(
            "%s of service %s is %s",
            address.info.url,
            upstream.service.name,
            "well" if address.is_healthy else "not well",
        )


async def _is_well(upstream: Upstream, address: Address) -> bool:
    service = upstream.service
    connections = upstream.connections
    connections.in_use += 1
    try:
        async with asyncio.timeout(PATIENCE):
            async with connections.session.get(
                URL(address.info.url + service.health_path, encoded=True),
                headers={"Host": tenancy().base_domain, HEADER: identity_header(service.name, PLATFORM, STRANGER)},
                allow_redirects=False,
            ) as response:
                await response.content.read(1024)
                return response.status < 300
    except (aiohttp.ClientError, OSError, TimeoutError):
        return False
    finally:
        connections.release()
