"""Why a request failed: the database is overloaded, slow, unreachable or read-only."""

from __future__ import annotations

import logging
from enum import Enum
from typing import TYPE_CHECKING

import psycopg
from django.db import DatabaseError
from psycopg import errors

from tenants.errors import DatabaseUnavailable
from tenants.redaction import redact_secrets

if TYPE_CHECKING:
    from psycopg_pool import PoolTimeout as PoolTimeout
else:
    try:
        from psycopg_pool import PoolTimeout
    except ImportError:  # psycopg without its extra "pool"

        class PoolTimeout(psycopg.OperationalError):
            pass


logger = logging.getLogger(__name__)


class OverloadReason(Enum):
    """Why the database did not execute a statement."""

    STATEMENT = "statement"
    """PostgreSQL cancelled it after the statement timeout of the tenant or of the server."""
    POOL = "pool"
    """All connections of this process, or of the server, were in use for the whole time that a request waits."""
    AWAY = "away"
    """PostgreSQL could not be reached, accepts no connections now, or closed this one."""
    READ_ONLY = "read only"
    """The database accepts no writes: it is a standby, or an administrator made it read-only."""


_GONE = ("08", "57P")
"""Prefixes of SQLSTATE: connection exceptions, and a server that starts or shuts down."""


def overload_reason(error: BaseException) -> OverloadReason | None:
    """Return the reason behind an error of the database; None for other errors."""
    if isinstance(error, DatabaseUnavailable):
        return OverloadReason.AWAY
    cause = error.__cause__ if isinstance(error, DatabaseError) else error
    if isinstance(cause, errors.QueryCanceled):
        return OverloadReason.STATEMENT
    if isinstance(cause, (PoolTimeout, errors.TooManyConnections)):
        return OverloadReason.POOL
    if isinstance(cause, errors.ReadOnlySqlTransaction):
        return OverloadReason.READ_ONLY
    # Errors of libpq have no SQLSTATE.
    if isinstance(cause, psycopg.OperationalError) and (cause.sqlstate or "08").startswith(_GONE):
        return OverloadReason.AWAY
    return None


def log_overload(reason: OverloadReason, error: BaseException) -> None:
    """Log why the database could not be reached, which visitors are not shown."""
    if reason is OverloadReason.AWAY:
        logger.error("Connecting to the database failed: %s", redact_secrets(first_line(error)))


def first_line(error: BaseException) -> str:
    """Return the first line of a database error's message."""
    text = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return text.removeprefix("connection failed: ")
