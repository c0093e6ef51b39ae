"""Usage of each version of a tenant's API by client: counted in memory, written at intervals by the listener's thread.

Counting costs a request no query. What a process has counted since it last wrote is lost if it is killed.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, date, datetime
from threading import Lock
from typing import Any, NamedTuple

import psycopg
from django.db.models import Max, Sum
from django.http import HttpRequest

from tenants.context import PLATFORM, current_tenant, use_tenant
from tenants.contrib.api.conf import api_settings
from tenants.contrib.api.models import ApiUsage
from tenants.postgresql.direct_connection import connect_directly

logger = logging.getLogger(__name__)

OTHERS = "others"
"""Stands for all clients beyond the first `CLIENTS_KEPT` of a batch: anybody can invent names."""
CLIENTS_KEPT = 30

_NAME_LENGTH = 60


class UsageKey(NamedTuple):
    """What is counted together."""

    tenant_id: int
    version: str
    day: date
    client: str


_ADD = """
INSERT INTO public.tenants_api_apiusage AS so_far (tenant_id, version, day, client, requests, last_at)
SELECT id, %(version)s, %(day)s, %(client)s, %(requests)s, now() FROM public.tenants_tenant WHERE id = %(tenant_id)s
ON CONFLICT (tenant_id, version, day, client)
DO UPDATE SET requests = so_far.requests + excluded.requests, last_at = excluded.last_at
"""
"""A tenant that is gone by now adds no row."""


class UsageCounter:
    """The calls that this process has answered and not yet written down."""

    def __init__(self) -> None:
        # Guards the counts: requests add to them while the listener's thread takes them.
        self._lock = Lock()
        self._counts: Counter[UsageKey] = Counter()
        self._clients: Counter[tuple[int, str]] = Counter()

    def count(self, version: str, request: HttpRequest) -> None:
        """Count one call at the active tenant."""
        if not api_settings().api_usage_seconds:
            return
        tenant_id, today = current_tenant().id, datetime.now(UTC).date()
        use = UsageKey(tenant_id, version, today, client_name(request))
        with self._lock:
            if use not in self._counts:
                if self._clients[tenant_id, version] >= CLIENTS_KEPT:
                    use = use._replace(client=OTHERS)
                else:
                    self._clients[tenant_id, version] += 1
            self._counts[use] += 1

    def forget(self) -> None:
        """Drop what was counted."""
        with self._lock:
            self._counts.clear()
            self._clients.clear()

    def write(self, connection: psycopg.Connection[Any]) -> None:
        """Add what was counted to the rows of the day; on any error it stays counted."""
        with self._lock:
            counts, self._counts = self._counts, Counter()
            self._clients.clear()
        if not counts:
            return
        try:
            with connection.transaction(), connection.cursor() as cursor:
                # In the same order in all processes, so that they never deadlock.
                cursor.executemany(_ADD, [{**use._asdict(), "requests": counts[use]} for use in sorted(counts)])
        except psycopg.Error as error:
            logger.warning("API usage could not be written; the next attempt includes it: %s", error)
            with self._lock:
                self._counts.update(counts)
                # Or each attempt, while the database is away, would let in more names of clients.
                self._clients = Counter((use.tenant_id, use.version) for use in self._counts)

    def write_remaining(self) -> None:
        """Write what is left when the process ends."""
        if self._counts:
            with suppress(Exception), connect_directly() as connection:  # the database may be gone first
                self.write(connection)


usage = UsageCounter()


def client_name(request: HttpRequest) -> str:
    """Return what a client is known as: the application or key of its token, else the first word it says of itself."""
    access = getattr(request, "auth", None)
    name = getattr(access, "client", "") or request.headers.get("User-Agent", "").partition("/")[0]
    return "".join(c for c in name if c.isprintable()).strip()[:_NAME_LENGTH] or "unnamed"


class UsageRow(NamedTuple):
    """A line of the report."""

    slug: str
    version: str
    client: str
    requests: int
    last_at: datetime


def report(since: date, versions: Iterable[str] = (), slugs: Iterable[str] = ()) -> list[UsageRow]:
    """Return who has called which version since that day, those who called most first: one query."""
    filters = {"version__in": list(versions), "tenant__slug__in": list(slugs)}
    with use_tenant(PLATFORM):
        rows = (
            ApiUsage.objects.filter(day__gte=since, **{name: wanted for name, wanted in filters.items() if wanted})
            .order_by()
            .values_list("tenant__slug", "version", "client")
            .annotate(total=Sum("requests"), last=Max("last_at"))
            .order_by("version", "-total", "tenant__slug", "client")
        )
        return [UsageRow(*row) for row in rows]
