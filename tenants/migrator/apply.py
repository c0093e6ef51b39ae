"""Migration of one tenant: one transaction that either completes or leaves the schema unchanged."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any, cast

from django.db import DatabaseError, OperationalError, connection, transaction
from psycopg import errors
from psycopg.pq import TransactionStatus

from tenants.context import TenantInfo, use_tenant
from tenants.errors import MigrationFailed
from tenants.isolation.per_tenant_dict import PerTenantDict
from tenants.migrator.batch import CompiledMigration
from tenants.migrator.graph import AppliedExecutor, Target, targets_for
from tenants.migrator.history import SchemaHistory, session_lock
from tenants.migrator.non_atomic import migrate_non_atomic
from tenants.migrator.plan import Segment
from tenants.migrator.release_order import check_not_ahead
from tenants.migrator.scripts import Script, migrate_and_record
from tenants.postgresql.base import DatabaseWrapper
from tenants.postgresql.tenant_schemas import existing_schemas


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Result of migrating one tenant."""

    tenant: TenantInfo
    applied: tuple[str, ...] = ()
    """The migrations that were applied or unapplied, as `app.name`, in order."""
    error: str = ""
    locked: bool = False
    """Whether another run, perhaps on another machine, holds the tenant's lock."""
    seconds: float = 0.0

    @property
    def failed(self) -> bool:
        return bool(self.error)

    @property
    def was_current(self) -> bool:
        """Whether there was nothing to do."""
        return not (self.failed or self.locked or self.applied)


# Scripts of this process, by segment. The lock is held while Django migrates the first tenant of a kind: for the other
# tenants of that kind, waiting for the script is faster than migrating by Django too.
_scripts: dict[Segment, Script] = {}
_scripts_lock = Lock()
# The last plan with a single segment, by its targets. Most tenants of a run have the same one.
_latest: dict[tuple[Target, ...], Segment] = {}
_KEPT = 64
"""How many of the newest are kept: a script holds the models of all apps, and a worker runs for long."""


def migrate_tenant(
    tenant: TenantInfo,
    targets: Sequence[Target] | None = None,
    *,
    is_empty: bool = False,
    lock_timeout: float = 0,
    durable: bool = True,
) -> Outcome:
    """Migrate a tenant's schema to `targets` (default: the latest migration of each of its apps) and record that.

    It is one transaction: an exception leaves the schema unchanged. Only a migration with `atomic = False` runs
    without a transaction, between those before it and those after it. `lock_timeout` is in seconds; 0: no limit.
    Without `durable`, the commit may reach the disk only with the next `wait_for_wal`. Raises `TenantLocked`,
    `TenantAhead`, or the error of PostgreSQL or of a migration.
    """
    started = time.monotonic()
    targets = targets_for(tenant, targets)
    with use_tenant(tenant.as_owner()):
        compiled = None if is_empty else _compiled_for(targets)
        if compiled and compiled.apply_one(tenant, lock_timeout=lock_timeout, durable=durable):
            applied = compiled.script.names
        else:
            applied = _migrate(tenant, targets, lock_timeout, is_empty=is_empty)
    return Outcome(tenant=tenant, applied=applied, seconds=time.monotonic() - started)


def migrate_batch(
    tenants: Sequence[TenantInfo], targets: Sequence[Target] | None = None, *, lock_timeout: float = 0
) -> tuple[list[Outcome], DatabaseError | None]:
    """Migrate tenants in one message, each in its own transaction, up to the first that cannot be migrated so.

    Nothing is done unless the tenants have the same targets and a script for them exists. The caller migrates the
    others one by one. The second value is set if the connection was lost: the first tenant without an outcome may
    then still be in progress on the server. The commits may reach the disk only with the next `wait_for_wal`. Raises
    `UnknownVariant` or `MigrationFailed`.
    """
    started = time.monotonic()
    of_all = {targets_for(tenant, targets) for tenant in tenants}
    compiled = _compiled_for(of_all.pop()) if len(of_all) == 1 else None
    if compiled is None:
        return [], None
    done, lost = compiled.apply_batch(tenants, lock_timeout=lock_timeout)
    seconds = (time.monotonic() - started) / max(done, 1)
    names = compiled.script.names
    return [Outcome(tenant=tenant, applied=names, seconds=seconds) for tenant in tenants[:done]], lost


def _compiled_for(targets: tuple[Target, ...]) -> CompiledMigration | None:
    """Return the last plan for `targets` if it fits into one message."""
    segment = _latest.get(targets)
    script = _scripts.get(segment) if segment else None
    if segment is None or segment.before is None or script is None or not script.is_one_message:
        return None
    return CompiledMigration(script, segment.before)


def _migrate(
    tenant: TenantInfo, targets: tuple[Target, ...], lock_timeout: float, *, is_empty: bool = False
) -> tuple[str, ...]:
    """Migrate the active tenant segment by segment and return the names of the migrations."""
    history, segment = _migrate_segment(tenant, targets, lock_timeout, is_empty=is_empty)
    if segment.is_whole:
        return segment.names
    names: tuple[str, ...] = ()
    with session_lock(tenant):
        while True:
            history, segment = _migrate_segment(tenant, targets, lock_timeout, holds_lock=True)
            if not segment.atomic:
                migrate_non_atomic(history, segment)
            names += segment.names
            if segment.is_last:
                return names


def _migrate_segment(
    tenant: TenantInfo,
    targets: tuple[Target, ...],
    lock_timeout: float,
    *,
    is_empty: bool = False,
    holds_lock: bool = False,
) -> tuple[SchemaHistory, Segment]:
    """Return the history and its next segment, which has been applied if it is atomic.

    Without the `session_lock` (`holds_lock`) it is only applied if it is the whole plan.
    """
    by_script = True
    while True:
        try:
            # A new schema is dropped on errors anyway. Without savepoints, its migrations can use the enum values
            # that they add.
            with transaction.atomic(savepoint=not is_empty):
                history = SchemaHistory.claim(tenant, lock_timeout, is_empty=is_empty, holds_lock=holds_lock)
                check_not_ahead(history)
                segment = history.plan(targets)
                if segment.is_whole or (holds_lock and segment.atomic):
                    _apply(history, segment, by_script=by_script)
        except Exception as error:
            PerTenantDict.forget(tenant.schema)  # ids of rows that were rolled back may be cached
            if not by_script or not _can_retry(error):
                raise
            # A schema without `django_migrations` counts as new.
            is_empty = is_empty or isinstance(error.__cause__, errors.UndefinedTable)
            if is_empty and not existing_schemas([tenant.schema]):
                raise MigrationFailed(tenant.slug, f"its schema {tenant.schema} is gone.") from error
            # A script fits schemas that Django has built. Django itself can handle some that it does not fit, such as
            # a schema with a renamed constraint. If Django fails too, its error is the one to report.
            by_script = False
        else:
            if segment.is_whole and segment.keys and not is_empty:
                _keep(_latest, targets, segment)
            return history, segment


def _can_retry(error: Exception) -> bool:
    """Return whether Django may succeed where a script has failed."""
    if not isinstance(error, DatabaseError) or isinstance(error, OperationalError):
        return False  # an error of Python code, a lock timeout or a lost connection
    session = cast(DatabaseWrapper, connection).connection
    aborted = session is not None and session.info.transaction_status == TransactionStatus.INERROR
    # In an aborted transaction of the caller, a second attempt would only hide the cause.
    return not (aborted or connection.needs_rollback)


def _apply(history: SchemaHistory, segment: Segment, *, by_script: bool) -> None:
    script = _scripts.get(segment) if by_script else None
    if script is None:
        with _scripts_lock:
            script = _scripts.get(segment) if by_script else None
            if script is None:
                _apply_by_django(history, segment)
                return
    script.replay(history)


def _apply_by_django(history: SchemaHistory, segment: Segment) -> None:
    executor = AppliedExecutor(history.applied)
    plan = executor.plan_of(segment.keys, segment.backwards)
    script = migrate_and_record(executor, plan, from_nothing=history.is_empty)
    history.record(script.applied, script.unapplied)
    if script.reusable:
        # It replaces a script that did not fit, since that one may have come from an unusual schema.
        _keep(_scripts, segment, script)


def _keep(newest: dict[Any, Any], key: Any, value: Any) -> None:
    newest[key] = value
    for oldest in list(newest)[:-_KEPT]:
        newest.pop(oldest, None)
