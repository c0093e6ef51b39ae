"""Why a request failed: the database is overloaded, slow, unreachable or read-only."""

from __future__ import annotations

import logging
from enum import Enum

import psycopg
from django.db import DatabaseError
from psycopg import errors
from psycopg_pool import PoolTimeout

from tenants.errors import DatabaseUnavailable
from tenants.redaction import redact_secrets

logger = logging.getLogger(__name__)


class OverloadReason(Enum):
    """Why a request was not answered."""

    STATEMENT = "statement"
    """PostgreSQL cancelled a statement that took longer than the tenant's limit, or than the server's own."""
    POOL = "pool"
    """All connections of this process, or of the server, were in use for as long as a request waits for one."""
    AWAY = "away"
    """PostgreSQL could not be reached, does not take connections now, or ended this one."""
    READ_ONLY = "read only"
    """The database takes no writes for now: it is a standby, or was set so while it is looked after."""


_GONE = ("08", "57P")
"""How the SQLSTATEs begin of a connection that failed, and of a server that stops or starts."""


def overload_reason(error: BaseException) -> OverloadReason | None:
    """Return why the database did not do what `error` was raised for, or None if that was another reason."""
    if isinstance(error, DatabaseUnavailable):
        return OverloadReason.AWAY
    cause = error.__cause__ if isinstance(error, DatabaseError) else error
    if isinstance(cause, errors.QueryCanceled):
        return OverloadReason.STATEMENT
    if isinstance(cause, (PoolTimeout, errors.TooManyConnections)):
        return OverloadReason.POOL
    if isinstance(cause, errors.ReadOnlySqlTransaction):
        return OverloadReason.READ_ONLY
    # Without a SQLSTATE it is libpq that speaks, and not the server.
    if isinstance(cause, psycopg.OperationalError) and (cause.sqlstate or "08").startswith(_GONE):
        return OverloadReason.AWAY
    return None


def log_overload(reason: OverloadReason, error: BaseException) -> None:
    """Log for the operator what visitors are not shown: why the database is out of reach."""
    if reason is OverloadReason.AWAY:
        logger.error("The database does not answer: %s", redact_secrets(first_line(error)))


def first_line(error: BaseException) -> str:
    """Return what an error of the database says, in one line."""
    text = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return text.removeprefix("connection failed: ")
