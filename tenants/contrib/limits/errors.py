"""Errors of limits."""

from __future__ import annotations

from tenants.errors import TenancyError


class HashingBusy(TenancyError):
    """A password was not checked: the limit on concurrent checks is reached."""

    of_what: str
    retry_after: int
    """Seconds."""

    message = "Password not checked: too many are being checked at once for {of_what}. Try again in {retry_after} s."
