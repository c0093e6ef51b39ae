"""Errors of tokens and API keys."""

from __future__ import annotations

from tenants.errors import TenancyError


class InvalidToken(TenancyError):
    """A token or API key that is not valid for this tenant."""

    reason: str

    def __str__(self) -> str:
        return f"Invalid token. {self.reason}"
