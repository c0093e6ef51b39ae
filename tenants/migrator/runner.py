"""Migration run: all outdated tenants in parallel. A failed tenant does not stop the others.

Runs on several machines share the work, because each tenant is locked while it is migrated.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Event, Thread

from django.db import DatabaseError
from django.db.models import Count, Q

from tenants.context import PLATFORM, TenantInfo, use_tenant
from tenants.errors import TenantAhead, TenantLocked, in_one_line
from tenants.migrator.apply import Outcome, migrate_batch, migrate_tenant
from tenants.migrator.graph import Target, target_fingerprint
from tenants.migrator.recorder import mark_failed, wait_for_wal
from tenants.migrator.release_order import newer_releases
from tenants.models import SchemaState, Tenant
from tenants.postgresql.connection_watch import close_connections
from tenants.postgresql.table_locks import is_locked_out
from tenants.registry.tenant_info import all_tenants

logger = logging.getLogger(__name__)

_ATTEMPTS = 3
"""Attempts for a tenant whose tables are locked by other sessions."""
_BATCH_SIZE = 16
"""The maximum number of tenants in a message; more would gain little."""
_TARGET_BATCH_SECONDS = 0.03
"""A batch contains no more tenants than are likely to take this long."""

_Turn = tuple[TenantInfo, int]
"""A tenant and the number of the attempt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    jobs: int = 2
    """The number of worker threads, each with a connection."""
    lock_timeout: float = 5.0
    """Seconds that a statement waits for a lock, and requests behind it, before the tenant is deferred."""
    max_failures: int = 0
    """Stop after this number of failures; 0: never."""
    targets: tuple[Target, ...] | None = None
    """None: the latest migrations of all apps."""


def tenants_behind(tenants: Sequence[TenantInfo]) -> list[TenantInfo]:
    """Return the tenants whose recorded fingerprint is not that of the code, with one query."""
    with use_tenant(PLATFORM):
        states = dict(SchemaState.objects.values_list("tenant_id", "fingerprint"))
    return [tenant for tenant in tenants if states.get(tenant.id) != target_fingerprint(tenant.variant)]


def find_behind(**filters: object) -> tuple[int, list[TenantInfo]]:
    """Return the number of tenants, and those that are behind, without loading the others.

    Tenants that a newer release has migrated are not behind.
    """
    with use_tenant(PLATFORM):
        chosen = Tenant.objects.filter(**filters).exclude(status=Tenant.Status.PURGING).order_by()
        groups = chosen.values_list("variant", "state__fingerprint").annotate(Count("pk"))
        counts = {(variant, found): count for variant, found, count in groups}
    behind = Q()
    for variant in {variant for variant, found in counts if found != target_fingerprint(variant)}:
        behind |= Q(variant=variant) & ~Q(state__fingerprint=target_fingerprint(variant))
    total = sum(counts.values())
    if not behind:
        return total, []
    if newer := newer_releases():
        behind &= Q(state=None) | ~Q(state__release__in=newer)
    return total, all_tenants(behind, ~Q(status=Tenant.Status.PURGING), **filters)


class Run:
    """One run over many tenants. Iterate over it once to get the outcomes."""

    def __init__(self, tenants: Sequence[TenantInfo], options: RunOptions) -> None:
        self.options = options
        # Deferred tenants are appended at the end. Tenants of a variant are adjacent, in the order of their ids,
        # because neighbours share pages in PostgreSQL's catalogs.
        in_turn = sorted(tenants, key=lambda tenant: (tenant.variant, tenant.id))
        self._waiting: deque[_Turn] = deque((tenant, 1) for tenant in in_turn)
        self._outcomes: SimpleQueue[Outcome | None] = SimpleQueue()
        # Set by `stop` or after too many failures; read by the workers before each tenant.
        self._stopped = Event()
        self._failures = 0
        self._unsynced: list[TenantInfo] = []
        self._broken: Exception | None = None
        self._started = 0.0
        self._jobs = max(1, min(options.jobs, len(tenants)))
        self._workers = [Thread(target=self._work) for _ in range(self._jobs)]

    def __iter__(self) -> Iterator[Outcome]:
        self._started = time.monotonic()
        for worker in self._workers:
            worker.start()
        yield from self.rest()

    def rest(self) -> Iterator[Outcome]:
        """Yield the remaining outcomes of an interrupted iteration, until all workers have ended.

        At the end, all migrations are on disk. Raises `OperationalError` if the server has lost some of them, or an
        error of a worker that is not about a tenant.
        """
        while self._workers:
            outcome = self._outcomes.get()
            if outcome is None:
                self._workers.pop().join()
            else:
                if outcome.applied:
                    self._unsynced.append(outcome.tenant)
                yield outcome
        if self._unsynced:
            wait_for_wal(self._unsynced, seconds=time.monotonic() - self._started)
            self._unsynced = []
        if self._broken is not None:
            raise self._broken

    def stop(self) -> None:
        """Start no further tenant; those in progress are finished."""
        self._stopped.set()

    @property
    def not_started(self) -> list[TenantInfo]:
        """The tenants that were left when the run stopped."""
        return [tenant for tenant, _ in self._waiting]

    def _work(self) -> None:
        size = 1
        try:
            while not self._stopped.is_set() and (group := self._take(size)):
                started = time.monotonic()
                number = len(group)
                try:
                    self._migrate_group(group)
                finally:
                    self._waiting.extendleft(reversed(group))
                seconds_each = (time.monotonic() - started) / max(1, number - len(group))
                size = int(_TARGET_BATCH_SECONDS / max(seconds_each, 0.001))
        except Exception as error:  # not the error of a tenant, so the run ends
            self._broken = error
            self.stop()
        finally:
            close_connections()
            self._outcomes.put(None)

    def _take(self, size: int) -> deque[_Turn]:
        """Take up to `size` waiting tenants, and leave enough for the other workers."""
        share = len(self._waiting) // (2 * self._jobs)
        group: deque[_Turn] = deque()
        with suppress(IndexError):
            while len(group) < max(1, min(size, share, _BATCH_SIZE)):
                group.append(self._waiting.popleft())
        return group

    def _migrate_group(self, group: deque[_Turn]) -> None:
        """Migrate the first tenants of a group in one batch, then the next one alone; leave the others in the group."""
        started = time.monotonic()
        outcomes, lost = self._migrate_batch([tenant for tenant, _ in group]) if len(group) > 1 else ([], None)
        for outcome in outcomes:
            group.popleft()
            self._report(outcome)
        if not group or (self._stopped.is_set() and not lost):
            return
        tenant, attempt = group[0]
        if lost:
            self._report(_failed(tenant, lost, time.monotonic() - started))
        else:
            self._migrate(tenant, attempt)
        group.popleft()  # only now, so that after any error the tenant has an outcome or still waits

    def _migrate_batch(self, tenants: list[TenantInfo]) -> tuple[list[Outcome], DatabaseError | None]:
        try:
            return migrate_batch(tenants, self.options.targets, lock_timeout=self.options.lock_timeout)
        except Exception as error:  # the tenants are migrated one by one, and the one with the error reports it
            logger.info("Batch migration failed, migrating one by one", exc_info=error)
            return [], None

    def _migrate(self, tenant: TenantInfo, attempt: int) -> None:
        try:
            outcome = migrate_one(tenant, self.options, defer=attempt < _ATTEMPTS, durable=False)
        except _Deferred:
            self._waiting.append((tenant, attempt + 1))
            return
        self._report(outcome)

    def _report(self, outcome: Outcome) -> None:
        if outcome.failed:
            close_connections()  # the next tenant needs one outside a transaction
        self._failures += outcome.failed
        if outcome.failed and self._failures == self.options.max_failures:
            self.stop()
        self._outcomes.put(outcome)


class _Deferred(Exception):
    """The tenant's tables are locked; a later attempt may succeed."""


def migrate_one(tenant: TenantInfo, options: RunOptions, *, defer: bool = False, durable: bool = True) -> Outcome:
    """Migrate a tenant and return the outcome; a failure is recorded in the control plane.

    Without `durable`, the commit may reach the disk only with the next `wait_for_wal`.
    """
    started = time.monotonic()
    try:
        return migrate_tenant(tenant, options.targets, lock_timeout=options.lock_timeout, durable=durable)
    except TenantLocked:
        return Outcome(tenant=tenant, locked=True)
    except TenantAhead as error:  # the record of the newer release is correct
        return Outcome(tenant=tenant, error=str(error), seconds=time.monotonic() - started)
    except Exception as error:  # migrations can raise anything
        if defer and is_locked_out(error):
            raise _Deferred from error
        return _failed(tenant, error, time.monotonic() - started)


def _failed(tenant: TenantInfo, error: Exception, seconds: float) -> Outcome:
    """Record a failure and return it as an outcome."""
    logger.info("Migration failed for tenant %s", tenant.slug, exc_info=error)
    text = _message(error)
    try:
        mark_failed(tenant, text, seconds)
    except Exception as unwritten:  # without a database, the outcome still counts
        logger.warning("Could not record the failed migration of tenant %s", tenant.slug, exc_info=unwritten)
    return Outcome(tenant=tenant, error=text, seconds=seconds)


def _message(error: Exception) -> str:
    """Return the error, with the migration if that is known."""
    where = "".join(f"{note}: " for note in getattr(error, "__notes__", ()))
    return f"{where}{in_one_line(error)}"
