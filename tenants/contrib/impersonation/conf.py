"""Key of `TENANTS` for impersonation."""

from __future__ import annotations

from dataclasses import dataclass

from tenants.conf import settings_reader


@dataclass(frozen=True, slots=True, kw_only=True)
class ImpersonationSettings:
    operator_minutes: int = 60
    """How long an operator stays logged in to a shop after a one-time link."""


impersonation_settings = settings_reader(ImpersonationSettings)
