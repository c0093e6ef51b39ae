"""Active health checks: requests the health path of every service address at intervals."""

from __future__ import annotations

import asyncio
import logging

import aiohttp
from yarl import URL

from tenants.conf import tenancy
from tenants.context import PLATFORM
from tenants.contrib.gateway.errors import GatewayError
from tenants.contrib.gateway.gateway import Gateway
from tenants.contrib.observability.principal import ANONYMOUS
from tenants.contrib.services.endpoints import UNHEALTHY_AFTER, Endpoint
from tenants.contrib.services.identity import HEADER
from tenants.contrib.services.keys import identity_header
from tenants.contrib.services.upstreams import Upstream

logger = logging.getLogger(__name__)

INTERVAL = 2.0
"""Seconds from the end of one round to the start of the next."""
TIMEOUT = 2.0
"""Seconds for the response of one address."""


async def run_health_checks(gateway: Gateway) -> None:
    while True:
        try:
            await check_once(gateway)
        except GatewayError as error:
            logger.warning("No health checks: %s", error.detail)
        await asyncio.sleep(INTERVAL)


async def check_once(gateway: Gateway) -> None:
    """Check all addresses concurrently, and drop services that are no longer registered."""
    services = await gateway.lookup.services()
    gateway.upstreams.retain(services.by_name)
    upstreams = [gateway.upstreams.get(service) for service in services.by_name.values()]
    checks = [
        _check(upstream, endpoint)
        for upstream in upstreams
        if upstream.service.health_path
        for endpoint in upstream.endpoints
    ]
    await asyncio.gather(*checks)


async def _check(upstream: Upstream, endpoint: Endpoint) -> None:
    was_healthy = endpoint.is_healthy
    if await _is_healthy(upstream, endpoint):
        endpoint.failed_checks = 0
    else:
        endpoint.failed_checks = min(endpoint.failed_checks + 1, UNHEALTHY_AFTER)
    if endpoint.is_healthy != was_healthy:
        state = "healthy" if endpoint.is_healthy else "unhealthy"
        logger.warning("%s of service %s is %s", endpoint.info.url, upstream.service.name, state)


async def _is_healthy(upstream: Upstream, endpoint: Endpoint) -> bool:
    service = upstream.service
    pool = upstream.pool
    pool.in_use += 1
    try:
        async with asyncio.timeout(TIMEOUT):
            async with pool.session.get(
                URL(endpoint.info.url + service.health_path, encoded=True),
                headers={"Host": tenancy().base_domain, HEADER: identity_header(service.name, PLATFORM, ANONYMOUS)},
                allow_redirects=False,
            ) as response:
                await response.content.read(1024)
                return response.status < 300
    except (aiohttp.ClientError, OSError, TimeoutError):
        return False
    finally:
        pool.release()
