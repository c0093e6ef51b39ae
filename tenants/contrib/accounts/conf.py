"""Key of `TENANTS` for operators' accounts."""

from __future__ import annotations

from dataclasses import dataclass

from tenants.conf import settings_reader


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSettings:
    operator_second_factor: bool = False
    """Whether operators need two-factor authentication. A shop's staff: `Tenant.staff_second_factor`."""


account_settings = settings_reader(AccountSettings)
