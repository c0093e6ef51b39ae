"""Errors of mounts."""

from __future__ import annotations

from tenants.errors import TenancyError


class MountFailed(TenancyError):
    """An application mounted in a tenant could not be built."""

    app: str
    tenant: str
    cause: str
    retry_seconds: int

    message = (
        "The application {app!r} could not be built for {tenant}: {cause} "
        "The next attempt is in {retry_seconds} s; the log has the traceback."
    )


class MountTimedOut(TenancyError):
    """A mounted application sent nothing for too long."""

    app: str
    tenant: str
    seconds: float

    message = (
        "The application {app!r} of {tenant} timed out: it sent nothing for {seconds:g} s. "
        "Make it answer faster, or raise TENANTS['MOUNTS_SECONDS']."
    )
