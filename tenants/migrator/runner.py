"""Migrating many tenants: who is behind, and all of them in parallel. A failing tenant stops no other.

Runs on several machines share the work: whoever claims a schema first has it, and the others go on to the next.
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
"""How often a tenant is tried whose tables others hold locked."""
_TOGETHER = 16
"""How many tenants share a message at most: with more, little is gained."""
_SECONDS_TOGETHER = 0.03
"""And no more than are likely to be done in that time."""

_Turn = tuple[TenantInfo, int]
"""A tenant, and how often it will have been tried then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """How a run goes about its work."""

    jobs: int = 2
    """How many schemas are migrated at once; each takes a connection."""
    lock_timeout: float = 5.0
    """Seconds that a statement waits for a lock, and shoppers behind it, before the tenant is put off."""
    max_failures: int = 0
    """Begin no further tenant after so many failures; 0: never stop."""
    targets: tuple[Target, ...] | None = None
    """Where to go; None: to the newest of everything."""


def tenants_behind(tenants: Sequence[TenantInfo]) -> list[TenantInfo]:
    """Return those of `tenants` whose schema is not recorded to be where the code is; one query for any number."""
    with use_tenant(PLATFORM):
        states = dict(SchemaState.objects.values_list("tenant_id", "fingerprint"))
    return [tenant for tenant in tenants if states.get(tenant.id) != target_fingerprint(tenant.variant)]


def find_behind(**filters: object) -> tuple[int, list[TenantInfo]]:
    """Return how many tenants there are and which are behind, without loading those that are not.

    Those that a newer release has migrated are not behind.
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
    """One run over many tenants. Iterate over it once to get the outcomes as they come."""

    def __init__(self, tenants: Sequence[TenantInfo], options: RunOptions) -> None:
        self.options = options
        # Each with how often it has been tried; those that were put off come again at the end. Those that are alike
        # come together, from the oldest: so they lie in PostgreSQL's catalogs, where neighbours share pages.
        in_turn = sorted(tenants, key=lambda tenant: (tenant.variant, tenant.id))
        self._waiting: deque[_Turn] = deque((tenant, 1) for tenant in in_turn)
        self._outcomes: SimpleQueue[Outcome | None] = SimpleQueue()
        # Set by `stop` and by too many failures; read by the workers before each tenant.
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
        """Go on yielding outcomes where an interrupted iteration left off, until all workers are done.

        What was migrated is on disk when it ends; raises `OperationalError` if the server has lost some of it, and
        what a worker has failed with for another reason than a tenant.
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
        """Begin no further tenant; those in hand are finished."""
        self._stopped.set()

    @property
    def not_begun(self) -> list[TenantInfo]:
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
                size = int(_SECONDS_TOGETHER / max(seconds_each, 0.001))
        except Exception as error:  # an error of ours and of no tenant's: the run ends with it
            self._broken = error
            self.stop()
        finally:
            close_connections()
            self._outcomes.put(None)

    def _take(self, size: int) -> deque[_Turn]:
        """Take so many of those that wait, within bounds, and leave enough for the other workers."""
        share = len(self._waiting) // (2 * self._jobs)
        group: deque[_Turn] = deque()
        with suppress(IndexError):
            while len(group) < max(1, min(size, share, _TOGETHER)):
                group.append(self._waiting.popleft())
        return group

    def _migrate_group(self, group: deque[_Turn]) -> None:
        """Migrate the first of a group, together as far as that goes and the next one alone; leave the others in it."""
        started = time.monotonic()
        outcomes, lost = self._migrate_together([tenant for tenant, _ in group]) if len(group) > 1 else ([], None)
        for outcome in outcomes:
            group.popleft()
            self._tell(outcome)
        if not group or (self._stopped.is_set() and not lost):
            return
        tenant, attempt = group[0]
        if lost:
            self._tell(_failed(tenant, lost, time.monotonic() - started))
        else:
            self._migrate(tenant, attempt)
        group.popleft()  # only now: whatever went wrong with it, a tenant is told of, or still waits

    def _migrate_together(self, tenants: list[TenantInfo]) -> tuple[list[Outcome], DatabaseError | None]:
        try:
            return migrate_batch(tenants, self.options.targets, lock_timeout=self.options.lock_timeout)
        except Exception as error:  # whatever it is, they are looked at one by one, and whose it is will be told
            logger.info("Tenants could not be migrated together", exc_info=error)
            return [], None

    def _migrate(self, tenant: TenantInfo, attempt: int) -> None:
        try:
            outcome = migrate_one(tenant, self.options, put_off=attempt < _ATTEMPTS, durable=False)
        except _PutOff:
            self._waiting.append((tenant, attempt + 1))
            return
        self._tell(outcome)

    def _tell(self, outcome: Outcome) -> None:
        if outcome.failed:
            close_connections()  # the next tenant gets one that is in no block
        self._failures += outcome.failed
        if outcome.failed and self._failures == self.options.max_failures:
            self.stop()
        self._outcomes.put(outcome)


class _PutOff(Exception):
    """Somebody holds the tenant's tables locked; another try later may find them free."""


def migrate_one(tenant: TenantInfo, options: RunOptions, *, put_off: bool = False, durable: bool = True) -> Outcome:
    """Migrate a tenant and return what happened, a failure included, which is noted in the control plane.

    Unless it has to be `durable`, it may only be on disk after the next `wait_for_wal`.
    """
    started = time.monotonic()
    try:
        return migrate_tenant(tenant, options.targets, lock_timeout=options.lock_timeout, durable=durable)
    except TenantLocked:
        return Outcome(tenant=tenant, locked=True)
    except TenantAhead as error:  # what is on record of it is the newer release's, and right
        return Outcome(tenant=tenant, error=str(error), seconds=time.monotonic() - started)
    except Exception as error:  # whatever a migration raises is that tenant's outcome, and no other's
        if put_off and is_locked_out(error):
            raise _PutOff from error
        return _failed(tenant, error, time.monotonic() - started)


def _failed(tenant: TenantInfo, error: Exception, seconds: float) -> Outcome:
    """Note that a tenant's migration failed, and return that."""
    logger.info("Tenant %s could not be migrated", tenant.slug, exc_info=error)
    text = _in_words(error)
    try:
        mark_failed(tenant, text, seconds)
    except Exception as unwritten:  # with the database gone there is nowhere to write, and the outcome still counts
        logger.warning("The failure of tenant %s could not be noted", tenant.slug, exc_info=unwritten)
    return Outcome(tenant=tenant, error=text, seconds=seconds)


def _in_words(error: Exception) -> str:
    """Return what went wrong, and in which migration where that is known."""
    where = "".join(f"{note}: " for note in getattr(error, "__notes__", ()))
    return f"{where}{in_one_line(error)}"
