"""Usage of API versions by client, counted in memory and saved at intervals by the listener's thread.

Counting costs no query. A process that is killed loses the counts since the last interval.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable
from contextlib import closing, suppress
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
"""Name for all clients after the first `MAX_CLIENTS` of an interval, since anyone can invent names."""
MAX_CLIENTS = 30

_NAME_LENGTH = 60


class UsageKey(NamedTuple):
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
"""Adds no row for a tenant that has been purged since."""


class UsageCounter:
    """Counts of this process that are not saved yet."""

    def __init__(self) -> None:
        # Guards both counters: requests add to them while the listener's thread takes them.
        self._lock = Lock()
        self._counts: Counter[UsageKey] = Counter()
        self._clients: Counter[tuple[int, str]] = Counter()

    def count(self, version: str, request: HttpRequest) -> None:
        """Count one request to the active tenant."""
        if not api_settings().api_usage_seconds:
            return
        tenant_id, today = current_tenant().id, datetime.now(UTC).date()
        key = UsageKey(tenant_id, version, today, client_name(request))
        with self._lock:
            if key not in self._counts:
                if self._clients[tenant_id, version] >= MAX_CLIENTS:
                    key = key._replace(client=OTHERS)
                else:
                    self._clients[tenant_id, version] += 1
            self._counts[key] += 1

    def clear(self) -> None:
        with self._lock:
            self._counts.clear()
            self._clients.clear()

    def save(self, connection: psycopg.Connection[Any]) -> None:
        """Add the counts to the rows of their day; after an error of the database they stay in memory."""
        with self._lock:
            counts, self._counts = self._counts, Counter()
            self._clients.clear()
        if not counts:
            return
        try:
            with connection.transaction(), connection.cursor() as cursor:
                # Sorted, so that processes never deadlock.
                cursor.executemany(_ADD, [{**key._asdict(), "requests": counts[key]} for key in sorted(counts)])
        except psycopg.Error as error:
            logger.warning("Saving API usage failed: %s. The counts are kept for the next attempt.", error)
            with self._lock:
                self._counts.update(counts)
                # Otherwise each attempt without a database would let in more names of clients.
                self._clients = Counter((key.tenant_id, key.version) for key in self._counts)

    def save_at_exit(self) -> None:
        if self._counts:
            with suppress(Exception), closing(connect_directly()) as connection:  # the database may be stopped already
                self.save(connection)


usage = UsageCounter()


def client_name(request: HttpRequest) -> str:
    """Return the application or API key of the token, otherwise the first part of User-Agent."""
    access = getattr(request, "auth", None)
    name = getattr(access, "client", "") or request.headers.get("User-Agent", "").partition("/")[0]
    return "".join(c for c in name if c.isprintable()).strip()[:_NAME_LENGTH] or "unnamed"


class UsageRow(NamedTuple):
    slug: str
    version: str
    client: str
    requests: int
    last_at: datetime


def report(since: date, versions: Iterable[str] = (), slugs: Iterable[str] = ()) -> list[UsageRow]:
    """Return the clients of each version since a day, those with the most requests first."""
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
