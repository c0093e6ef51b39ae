"""Service registry and clients: calls from one service to another.

    from tenants.contrib import services

    response = await services.get("other-service").get("/stock/mug")  # in async code
    response = services.get_sync("other-service").get("/stock/mug")  # in synchronous code

Works wherever a tenant is active: in a request, a job, a command. The call carries the tenant, the user, the trace and
the time that is left; retries and circuit breakers apply.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tenants.contrib.services.client import ServiceClient, SyncServiceClient

__all__ = ["get", "get_sync"]


def get(name: str) -> ServiceClient:
    """Return the client of a service for async code."""
    # Not at module level: programs without Django import `tenants.contrib.services.identity`.
    from tenants.contrib.services.client import ServiceClient

    return ServiceClient(name)


def get_sync(name: str) -> SyncServiceClient:
    """Return the client of a service for synchronous code."""
    from tenants.contrib.services.client import SyncServiceClient

    return SyncServiceClient(name)
