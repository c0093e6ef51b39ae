"""Counts who calls which version of a tenant's API: in memory, written down in batches by a thread of its own.

Counting costs a request no query. What a process has counted since it last wrote is lost if it is killed.
"""

from __future__ import annotations

import atexit
import logging
import os
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, date, datetime
from threading import Event, Lock, Thread
from typing import NamedTuple

from django.db import connection, transaction
from django.db.models import F, Max, Sum
from django.http import HttpRequest

from tenants.conf import tenancy
from tenants.context import PLATFORM, current_tenant, use_tenant
from tenants.contrib.api.models import ApiUsage
from tenants.models import Tenant

logger = logging.getLogger(__name__)

OTHERS = "others"
"""Stands for all clients beyond the first `CLIENTS_KEPT` of a batch: anybody can invent names."""
CLIENTS_KEPT = 30

_NAME_LENGTH = 60
_BATCH = 500


class Use(NamedTuple):
    """What is counted together."""

    tenant_id: int
    version: str
    day: date
    client: str


class UsageCounter:
    """The calls that this process has answered and not yet written down."""

    def __init__(self) -> None:
        # Guards the counts: requests are answered on many threads.
        self._lock = Lock()
        self._counts: Counter[Use] = Counter()
        self._clients: Counter[tuple[int, str]] = Counter()
        # A child made by fork() has this object but not its thread; then the number differs.
        self._pid = 0
        self._stopped = Event()

    def count(self, version: str, request: HttpRequest) -> None:
        """Count one call at the active tenant."""
        seconds = tenancy().api_usage_seconds
        if not seconds:
            return
        tenant_id, today = current_tenant().id, datetime.now(UTC).date()
        use = Use(tenant_id, version, today, client_of(request))
        with self._lock:
            if use not in self._counts:
                if self._clients[tenant_id, version] >= CLIENTS_KEPT:
                    use = use._replace(client=OTHERS)
                else:
                    self._clients[tenant_id, version] += 1
            self._counts[use] += 1
        self._start(seconds)

    def _start(self, seconds: float) -> None:
        if self._pid == os.getpid():
            return
        with self._lock:
            if self._pid == os.getpid():
                return
            self._pid = os.getpid()
        self._stopped.clear()
        Thread(target=self._run, args=[seconds], name="tenants-api-usage", daemon=True).start()
        atexit.register(self._write_last)

    def _run(self, seconds: float) -> None:
        while not self._stopped.wait(seconds):
            try:
                self.write()
            except Exception as error:  # whatever it is: the next batch tries again, with these counts
                logger.warning("The use of the API could not be written down, and is kept: %r", error)
            finally:
                connection.close()

    def _write_last(self) -> None:
        self._stopped.set()
        with suppress(Exception):  # the process ends, perhaps because there is no database any more
            self.write()
            connection.close()

    def forget(self) -> None:
        """Drop what was counted, and write nothing down until something is counted again: its database goes away."""
        self._stopped.set()
        atexit.unregister(self._write_last)
        with self._lock:
            self._pid = 0
            self._counts.clear()
            self._clients.clear()

    def write(self) -> None:
        """Write down what was counted; on any error it stays counted."""
        with self._lock:
            counts, self._counts = self._counts, Counter()
            self._clients.clear()
        if not counts:
            return
        try:
            _add(counts)
        except Exception:
            with self._lock:
                self._counts.update(counts)
                # Or each attempt, while the database is away, would let in more names of clients.
                self._clients = Counter((use.tenant_id, use.version) for use in self._counts)
            raise


usage = UsageCounter()


def client_of(request: HttpRequest) -> str:
    """Return what a client is known as: the application or key of its token, else the first word it says of itself."""
    access = getattr(request, "auth", None)
    name = getattr(access, "client", "") or request.headers.get("User-Agent", "").partition("/")[0]
    return "".join(c for c in name if c.isprintable()).strip()[:_NAME_LENGTH] or "unnamed"


def _add(counts: Counter[Use]) -> None:
    with use_tenant(PLATFORM), transaction.atomic():
        there = set(Tenant.objects.filter(pk__in={use.tenant_id for use in counts}).values_list("pk", flat=True))
        # In one order for all processes, so that they wait for, and never block, each other.
        uses = sorted(use for use in counts if use.tenant_id in there)
        for start in range(0, len(uses), _BATCH):
            _add_batch({use: counts[use] for use in uses[start : start + _BATCH]})


def _add_batch(counts: dict[Use, int]) -> None:
    now = datetime.now(UTC)
    rows = [ApiUsage(**use._asdict(), requests=0, last_at=now) for use in counts]
    ApiUsage.objects.bulk_create(rows, ignore_conflicts=True)
    for use, count in counts.items():
        ApiUsage.objects.filter(**use._asdict()).update(requests=F("requests") + count, last_at=now)


class Used(NamedTuple):
    """A line of the report."""

    slug: str
    version: str
    client: str
    requests: int
    last_at: datetime


def report(since: date, versions: Iterable[str] = (), slugs: Iterable[str] = ()) -> list[Used]:
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
        return [Used(*row) for row in rows]
