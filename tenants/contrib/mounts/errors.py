"""Errors of mounts."""

from __future__ import annotations

from tenants.errors import TenancyError


class MountFailed(TenancyError):
    """An application mounted in a tenant could not be built."""

    app: str
    tenant: str
    cause: str
    retry_seconds: int

    def __str__(self) -> str:
        return (
            f"The application {self.app!r} could not be built for {self.tenant}: {self.cause} "
            f"The next attempt is in {self.retry_seconds} s; the log has the traceback."
        )


class MountTimedOut(TenancyError):
    """A mounted application sent nothing for too long."""

    app: str
    tenant: str
    seconds: float

    def __str__(self) -> str:
        return (
            f"The application {self.app!r} of {self.tenant} timed out: it sent nothing for {self.seconds:g} s. "
            f"Make it answer faster, or raise TENANTS['MOUNTS_SECONDS']."
        )
