"""Errors of services and of requests between them."""

from __future__ import annotations

from tenants.errors import TenancyError


class InvalidIdentity(TenancyError):
    """The request was not signed by the gateway or another service, or is for another service."""

    reason: str

    message = "The request's signed identity is refused: {reason}. Send the request through the gateway."


class ServiceNotFound(TenancyError):
    """The service is not registered, or not granted to the tenant."""

    service: str
    tenant: str

    message = (
        "Service {service!r} not found for {tenant}. "
        "Register it in the platform admin under Services, or grant it to the tenant there."
    )


class ServiceFailed(TenancyError):
    """A service did not answer: it failed (502), cannot be called now (503), or was too slow (504)."""

    service: str
    reason: str
    status: int = 502
    """Status of the gateway's response."""
    retry_after: float = 0.0
    """Seconds after which it may be called again; 0: unknown."""

    def __str__(self) -> str:
        again = f" Try again in {self.retry_after} seconds." if self.retry_after else ""
        return f"The service {self.service!r} {self.reason} ({self.status}).{again}"
