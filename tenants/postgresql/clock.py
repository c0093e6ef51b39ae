"""The database's clock: the one by which processes on several machines compare times."""

from __future__ import annotations

from datetime import datetime

from django.db import connection

from tenants.context import PLATFORM, use_tenant


def database_now() -> datetime:
    """Return the time by the database's clock."""
    with use_tenant(PLATFORM), connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        now: datetime = cursor.fetchone()[0]
    return now
