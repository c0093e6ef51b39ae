"""Migrating one tenant: one transaction that leaves the schema new or as it was."""

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
from tenants.migrator.batch import Express
from tenants.migrator.graph import AppliedExecutor, Target, check_targets, targets_for
from tenants.migrator.non_atomic import migrate_untransacted
from tenants.migrator.plan import Leg, first_leg
from tenants.migrator.recorder import (
    claim_and_read,
    closing_statements,
    read_applied,
    session_claim,
)
from tenants.migrator.release_order import check_not_ahead
from tenants.migrator.scripts import Script, migrate_and_record, send
from tenants.postgresql.base import DatabaseWrapper
from tenants.postgresql.tenant_schemas import existing_schemas


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What happened to one tenant."""

    tenant: TenantInfo
    applied: tuple[str, ...] = ()
    """The migrations that were applied or unapplied, as `app.name`, in order."""
    error: str = ""
    elsewhere: bool = False
    """Another run, here or on another machine, has the tenant in hand."""
    seconds: float = 0.0

    @property
    def failed(self) -> bool:
        return bool(self.error)

    @property
    def was_there(self) -> bool:
        """Whether there was nothing to do."""
        return not (self.failed or self.elsewhere or self.applied)


class _SeveralLegs(Exception):
    """The way holds a migration that refuses a transaction."""


# The scripts of this process. Guarded by one lock, under which the first tenant of a kind is migrated: the others of
# its kind wait for the script, which is quicker than a second first.
_scripts: dict[Leg, Script] = {}
_scripts_lock = Lock()
# The last way that was one leg, by where it led: most tenants of a run go the same one.
_latest: dict[tuple[Target, ...], Leg] = {}
_KEPT = 64
"""Scripts hold the models of all apps, and a worker lives long: of many ways, the newest are kept."""


def migrate_tenant(
    tenant: TenantInfo,
    targets: Sequence[Target] | None = None,
    *,
    is_new: bool = False,
    lock_timeout: float = 0,
    durable: bool = True,
) -> Outcome:
    """Bring a tenant's schema to `targets` (default: the newest of everything it has) and record that.

    Everything happens in one transaction, so an exception leaves the schema as it was. Only a migration that refuses
    a transaction (`atomic = False`) is done without one, by itself, between those before and those behind it.
    `lock_timeout` is in seconds; 0 waits for as long as it takes. Unless it has to be `durable`, it may only be on disk
    after the next `flush`. Raises `TenantLocked`, `TenantAhead`, or what PostgreSQL or a
    migration raises.
    """
    started = time.monotonic()
    goals = _goals(tenant, targets)
    with use_tenant(tenant.as_owner()):
        express = None if is_new else _express_to(goals)
        if express and express.take(tenant, wait=lock_timeout, durable=durable):
            return Outcome(tenant=tenant, applied=express.script.names, seconds=time.monotonic() - started)
        try:
            applied = _leg_by_script_or_anew(tenant, goals, lock_timeout, is_new=is_new)
        except _SeveralLegs:
            applied = _leg_by_leg(tenant, goals, lock_timeout)
    return Outcome(tenant=tenant, applied=applied, seconds=time.monotonic() - started)


def migrate_together(
    tenants: Sequence[TenantInfo], targets: Sequence[Target] | None = None, *, lock_timeout: float = 0
) -> tuple[list[Outcome], DatabaseError | None]:
    """Migrate the first few of `tenants` in one message, each in a transaction of its own; return what came of them.

    It is only done for tenants that are alike and go a way that others went before. The rest are as they were, for
    `migrate_tenant` to look at one by one; but if the connection was lost at the first of them, which then is the
    second thing returned, the server may still be at it. All may only be on disk after the next `flush`. Raises
    `UnknownVariant` or `MigrationFailed`.
    """
    started = time.monotonic()
    goals = {_goals(tenant, targets) for tenant in tenants}
    express = _express_to(goals.pop()) if len(goals) == 1 else None
    if express is None:
        return [], None
    done, lost = express.take_together(tenants, wait=lock_timeout)
    seconds = (time.monotonic() - started) / max(done, 1)
    names = express.script.names
    return [Outcome(tenant=tenant, applied=names, seconds=seconds) for tenant in tenants[:done]], lost


def _goals(tenant: TenantInfo, targets: Sequence[Target] | None) -> tuple[Target, ...]:
    if targets is None:
        return targets_for(tenant)
    check_targets(tenant, targets)
    return tuple(targets)


def _express_to(goals: tuple[Target, ...]) -> Express | None:
    """Return the way that was last gone to `goals`, if one message is enough for it."""
    leg = _latest.get(goals)
    script = _scripts.get(leg) if leg else None
    if leg is None or leg.recorded is None or script is None or not script.is_one_message:
        return None
    return Express(script, leg.recorded)


def _leg_by_leg(tenant: TenantInfo, goals: tuple[Target, ...], lock_timeout: float) -> tuple[str, ...]:
    applied: tuple[str, ...] = ()
    with session_claim(tenant):
        while True:
            recorded = read_applied()
            check_not_ahead(tenant, recorded)
            leg, more = first_leg(recorded, goals)
            if leg.atomic:
                applied += _leg_by_script_or_anew(tenant, goals, lock_timeout, is_one_of_several=True)
            else:
                migrate_untransacted(tenant, leg)
                applied += leg.names
            if not more:
                return applied


def _leg_by_script_or_anew(
    tenant: TenantInfo,
    goals: tuple[Target, ...],
    lock_timeout: float,
    *,
    is_new: bool = False,
    is_one_of_several: bool = False,
) -> tuple[str, ...]:
    def go(*, by_script: bool) -> tuple[str, ...]:
        # Of a new schema nothing is left anyhow, and without savepoints its migrations may use enum values they add.
        with transaction.atomic(savepoint=not is_new):
            recorded = claim_and_read(tenant, lock_timeout, is_new=is_new, is_claimed=is_one_of_several)
            check_not_ahead(tenant, recorded or ())
            leg, more = first_leg(recorded, goals)
            if not is_one_of_several and (more or not leg.atomic):
                raise _SeveralLegs
            _migrate(tenant, leg, by_script=by_script)
        if not is_one_of_several and leg.keys:
            _keep(_latest, goals, leg)
        return leg.names

    try:
        return go(by_script=True)
    except OperationalError:
        raise  # a lock that was not to be had, or a lost connection: trying in another way helps nothing
    except DatabaseError as error:
        if connection.needs_rollback or _is_aborted():
            raise  # the caller's transaction is lost with it, and a second try would only hide why
        # Without `django_migrations` the schema is as new as one can be.
        is_new = is_new or isinstance(error.__cause__, errors.UndefinedTable)
        if is_new and not existing_schemas([tenant.schema]):
            raise MigrationFailed(tenant.slug, f"its schema {tenant.schema} is gone.") from error
        # The script fits a schema that is as Django made it. Django itself may cope with one that is not, for
        # example with a constraint of another name; if it cannot either, its error is the one to report.
        return go(by_script=False)


def _is_aborted() -> bool:
    """Tell whether PostgreSQL refuses all further statements of the transaction at hand."""
    session = cast(DatabaseWrapper, connection).connection
    return session is not None and session.info.transaction_status == TransactionStatus.INERROR


def _migrate(tenant: TenantInfo, leg: Leg, *, by_script: bool) -> None:
    PerTenantDict.forget(tenant.schema)  # an attempt that was rolled back may have left ids of rows that are not there
    script = _scripts.get(leg) if by_script else None
    if script is None:
        with _scripts_lock:
            script = _scripts.get(leg) if by_script else None
            if script is None:
                _do_first(tenant, leg)
                return
    script.replay(_closing(tenant, leg, script))


def _do_first(tenant: TenantInfo, leg: Leg) -> None:
    executor = AppliedExecutor(leg.recorded or frozenset())
    script = migrate_and_record(executor, executor.plan_of(leg.keys, leg.backwards), from_nothing=leg.recorded is None)
    send(_closing(tenant, leg, script))
    if script.reusable:
        # Also where there was one that did not fit: the odd schema may have been the one it was made with.
        _keep(_scripts, leg, script)


def _keep(newest: dict[Any, Any], key: Any, value: Any) -> None:
    newest[key] = value
    for oldest in list(newest)[:-_KEPT]:
        newest.pop(oldest, None)


def _closing(tenant: TenantInfo, leg: Leg, script: Script) -> str:
    return closing_statements(tenant, leg.recorded or frozenset(), script.applied, script.unapplied)
