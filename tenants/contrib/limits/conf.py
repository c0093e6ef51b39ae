"""Keys of `TENANTS` for limits that hold over all tenants of a process."""

from __future__ import annotations

from dataclasses import dataclass

from tenants.conf import settings_reader


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitSettings:
    address_concurrency: int = 0
    """Requests of one client address in progress or waiting in a process; 0: no limit."""
    max_waiting_requests: int = 0
    """Requests that wait in the queues of all tenants together, each in a thread of the server; 0: no limit."""
    max_request_bodies: int = 0
    """Request bodies that a process receives at once, under WSGI with a thread each; 0: no limit."""
    body_seconds: float = 10.0
    """How long a request body may take, and a second more for each 32 KiB received."""
    address_sockets: int = 20
    """Open WebSockets of one client address in a process; 0: no limit."""
    tenant_sockets: int = 1_000
    """Open WebSockets of one tenant in a process; 0: no limit."""


limit_settings = settings_reader(LimitSettings)
