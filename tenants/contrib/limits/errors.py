"""Errors of limits."""

from __future__ import annotations

from tenants.errors import TenancyError


class HashingBusy(TenancyError):
    """A password was not checked: the limit on concurrent checks is reached."""

    of_what: str
    retry_after: int
    """Seconds."""

    def __str__(self) -> str:
        return (
            f"Password not checked: too many are being checked at once for {self.of_what}. "
            f"Try again in {self.retry_after} s."
        )
