"""Errors of services and of requests between them."""

from __future__ import annotations

from tenants.errors import TenancyError


class InvalidIdentity(TenancyError):
    """A request that did not come from the gateway or the mesh, or is not for this service."""

    reason: str

    def __str__(self) -> str:
        return f"The request's signed identity is refused: {self.reason}. Send the request through the gateway."


class ServiceNotFound(TenancyError):
    """No such service, or none for this tenant."""

    service: str
    tenant: str

    def __str__(self) -> str:
        return (
            f"There is no service {self.service!r} for {self.tenant}. "
            f"Register it in the operator's admin under Services, or grant it to the tenant there."
        )


class ServiceFailed(TenancyError):
    """A service did not answer: it failed (502), cannot be called now (503), or was too slow (504)."""

    service: str
    reason: str
    status: int = 502
    """Of the gateway's response."""
    retry_after: float = 0.0
    """Seconds after which it may be called again; 0: unknown."""

    def __str__(self) -> str:
        again = f" Try again in {self.retry_after} seconds." if self.retry_after else ""
        return f"The service {self.service!r} {self.reason} ({self.status}).{again}"
