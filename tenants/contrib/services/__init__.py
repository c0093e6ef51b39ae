"""Applications beside this one: who is registered, how they are asked, and as whom.

    from tenants.contrib import services

    reply = await services.get("other-service").get("/stock/mug")   # in code with async
    reply = services.get_sync("other-service").get("/stock/mug")    # and without

Works wherever a tenant is active: in a request, a job, a command. Which tenant, as whom, the trace, the time left,
retries and circuit breakers go along.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tenants.contrib.services.client import ServiceClient, SyncServiceClient

__all__ = ["get", "get_sync"]


def get(name: str) -> ServiceClient:
    """Return a service to ask, for code with `async`."""
    # Not above: a service of another kind, which has no Django, imports `tenants.contrib.services.identity`.
    from tenants.contrib.services.client import ServiceClient

    return ServiceClient(name)


def get_sync(name: str) -> SyncServiceClient:
    """Return a service to ask, for code without `async`."""
    from tenants.contrib.services.client import SyncServiceClient

    return SyncServiceClient(name)
