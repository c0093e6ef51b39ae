"""What the database was too busy or too slow for: told apart from errors that somebody has to mend."""

from __future__ import annotations

from enum import Enum

from django.db import OperationalError
from psycopg import errors
from psycopg_pool import PoolTimeout


class Stopped(Enum):
    """Why a request was not answered."""

    STATEMENT = "statement"
    """PostgreSQL cancelled a statement that took longer than the tenant's limit, or than the server's own."""
    POOL = "pool"
    """All connections of this process were in use for as long as a request waits for one."""


def why_stopped(error: BaseException) -> Stopped | None:
    """Return why the database did not do what `error` was raised for, or None if that was another reason."""
    cause = error.__cause__ if isinstance(error, OperationalError) else error
    if isinstance(cause, errors.QueryCanceled):
        return Stopped.STATEMENT
    if isinstance(cause, PoolTimeout):
        return Stopped.POOL
    return None
