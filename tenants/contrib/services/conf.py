"""Keys of `TENANTS` for services and their metrics."""

from __future__ import annotations

from dataclasses import dataclass

from tenants.conf import settings_reader


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSettings:
    service_report_seconds: float = 2.0
    """How often a process saves what it has measured of the services that it calls; 0: never."""
    metrics_token: str = ""
    """Bearer token that a scraper of metrics has to send; empty: no metrics."""


service_settings = settings_reader(ServiceSettings)
