"""Counters of limit hits: kept in memory, written every few seconds for the operator.

The listener's thread writes them over its connection, so a rejected request costs no query.
"""

from __future__ import annotations

import logging
from collections import Counter
from enum import Enum
from threading import Lock
from typing import Any

import psycopg
from psycopg import sql

from tenants.conf import tenancy

logger = logging.getLogger(__name__)

WRITTEN_SECONDS = 10.0
"""How long a count waits to be written, about."""

_KEPT_DAYS = 30


class LimitKind(Enum):
    """Which limit was met; the value is the column of `LimitHit` that counts it."""

    RATE = "refused_rate"
    CONCURRENCY = "refused_concurrency"
    STATEMENT = "cut_statements"


# The tenant may be deleted by now.
_ADD = sql.SQL(
    "INSERT INTO public.tenants_limits_limithit AS so_far"
    " (tenant_id, hour, refused_rate, refused_concurrency, cut_statements)"
    " SELECT id, date_trunc('hour', now()), %s, %s, %s FROM public.tenants_tenant WHERE id = %s"
    " ON CONFLICT (tenant_id, hour) DO UPDATE SET"
    " refused_rate = so_far.refused_rate + excluded.refused_rate,"
    " refused_concurrency = so_far.refused_concurrency + excluded.refused_concurrency,"
    " cut_statements = so_far.cut_statements + excluded.cut_statements"
)
_FORGET = sql.SQL("DELETE FROM public.tenants_limits_limithit WHERE hour < now() - make_interval(days => %s)")


class LimitCounters:
    """Counts that are not saved yet. Thread-safe."""

    def __init__(self) -> None:
        # Guards the counts: requests add to them while the listener's thread takes them.
        self._lock = Lock()
        self._counts: dict[int, Counter[LimitKind]] = {}

    def add(self, tenant_id: int, kind: LimitKind) -> None:
        """Count one hit. Cheap, because rejected requests call it."""
        with self._lock:
            if tenant_id not in self._counts and len(self._counts) >= tenancy().registry_size:
                del self._counts[next(iter(self._counts))]  # the database is unreachable
            self._counts.setdefault(tenant_id, Counter())[kind] += 1

    def take(self) -> dict[int, Counter[LimitKind]]:
        """Return what was counted since the last call."""
        with self._lock:
            counts, self._counts = self._counts, {}
        return counts

    def write(self, connection: psycopg.Connection[Any]) -> None:
        """Add the counts to the rows of this hour. Counts that cannot be written are logged and dropped."""
        counts = self.take()
        if not counts:
            return
        try:
            for tenant_id, of_tenant in counts.items():
                connection.execute(_ADD, [*(of_tenant[kind] for kind in LimitKind), tenant_id])
            connection.execute(_FORGET, [_KEPT_DAYS])
        except psycopg.Error as error:
            logger.warning("Saving the limit hits of %d tenants failed: %s", len(counts), error)


limit_counters = LimitCounters()
