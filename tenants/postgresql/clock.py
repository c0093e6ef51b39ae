"""Database clock, which processes on several machines share."""

from __future__ import annotations

from datetime import datetime

from django.db import connection

from tenants.context import PLATFORM, use_tenant


def database_now() -> datetime:
    """Return the current time of the database server, also inside a transaction."""
    with use_tenant(PLATFORM), connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        now: datetime = cursor.fetchone()[0]
    return now
