"""Keys of `TENANTS` for the gateway's limits."""

from __future__ import annotations

from dataclasses import dataclass

from tenants.conf import settings_reader


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewaySettings:
    gateway_limits_factor: int = 10
    """Factor between the limits of a plan, which are for one process, and those of the gateway."""
    gateway_concurrency: int = 0
    """Requests of a tenant forwarded at once, if its plan has a limit; 0: the limit of the plan times the factor."""


gateway_settings = settings_reader(GatewaySettings)
