"""Keys of `TENANTS` for logs and traces."""

from __future__ import annotations

from dataclasses import dataclass

from tenants.conf import settings_reader


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservabilitySettings:
    service: str = "all"
    """Name of the service that this process is; `all`: the single process that needs no gateway."""
    otlp_endpoint: str = ""
    """URL for spans, OTLP over HTTP, such as `http://127.0.0.1:4318`; empty: none are sent."""


observability_settings = settings_reader(ObservabilitySettings)
