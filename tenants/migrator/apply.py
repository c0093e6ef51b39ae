"""Migrating one tenant: one transaction that leaves the schema new or as it was."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock

from django.db import DatabaseError, OperationalError, transaction
from psycopg import errors

from tenants.context import TenantInfo, use_tenant
from tenants.migrator.graph import AppliedExecutor, Key, Plan, Target, targets_for
from tenants.migrator.records import claim_and_read, closing_statements
from tenants.migrator.scripts import Script, migrate_and_record, send
from tenants.migrator.stepwise import migrate_stepwise
from tenants.scoping import PerTenant


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


class _RefusesTransaction(Exception):
    """The plan holds a migration that is not atomic."""


Way = tuple[frozenset[Key] | None, tuple[Target, ...]]
"""What is applied in a schema (None: it is new), and where it has to be."""

# The scripts of this process, by where they start and where they lead. Guarded by one lock, under which the first
# tenant of a kind is migrated: the others of its kind wait for the script, which is quicker than a second first.
_scripts: dict[Way, Script] = {}
_scripts_lock = Lock()


def migrate_tenant(
    tenant: TenantInfo,
    targets: Sequence[Target] | None = None,
    *,
    is_new: bool = False,
    lock_timeout: float = 0,
) -> Outcome:
    """Bring a tenant's schema to `targets` (default: the newest of everything it has) and record that.

    Everything happens in one transaction, so an exception leaves the schema as it was. Only migrations that refuse a
    transaction (`atomic = False`) are done one by one, each recorded as soon as it is done. `lock_timeout` is in
    seconds; 0 waits for as long as it takes. Raises `TakenElsewhere`, or what PostgreSQL or a migration raises.
    """
    started = time.monotonic()
    goals = tuple(targets_for(tenant) if targets is None else targets)
    with use_tenant(tenant.as_owner()):
        try:
            applied = _in_one_transaction(tenant, goals, is_new, lock_timeout, by_script=True)
        except _RefusesTransaction:
            applied = migrate_stepwise(tenant, goals)
        except OperationalError:
            raise  # a lock that was not to be had, or a lost connection: trying in another way helps nothing
        except DatabaseError as error:
            # Without `django_migrations` the schema is as new as one can be.
            is_new = is_new or isinstance(error.__cause__, errors.UndefinedTable)
            # The script fits a schema that is as Django made it. Django itself may cope with one that is not, for
            # example with a constraint of another name; if it cannot either, its error is the one to report.
            applied = _in_one_transaction(tenant, goals, is_new, lock_timeout, by_script=False)
    return Outcome(tenant=tenant, applied=applied, seconds=time.monotonic() - started)


def _in_one_transaction(
    tenant: TenantInfo, goals: tuple[Target, ...], is_new: bool, lock_timeout: float, *, by_script: bool
) -> tuple[str, ...]:
    PerTenant.forget(tenant.schema)  # an attempt that was rolled back may have left ids of rows that are not there
    with transaction.atomic():
        recorded = claim_and_read(tenant, lock_timeout, is_new=is_new)
        way = (recorded, goals)
        if not is_new and not _is_atomic(way):
            raise _RefusesTransaction
        script = _scripts.get(way) if by_script else None
        if script is None:
            with _scripts_lock:
                script = _scripts.get(way) if by_script else None
                if script is None:
                    return _do_first(tenant, way)
        script.replay(_closing(tenant, recorded, script))
        return script.names


def _do_first(tenant: TenantInfo, way: Way) -> tuple[str, ...]:
    recorded, goals = way
    executor = AppliedExecutor(recorded or frozenset())
    plan = executor.migration_plan(list(goals))
    script = migrate_and_record(executor, plan, from_nothing=recorded is None)
    send(_closing(tenant, recorded, script))
    if script.reusable:
        # Also where there was one that did not fit: the odd schema may have been the one it was made with.
        _scripts[way] = script
    return script.names


def _closing(tenant: TenantInfo, recorded: frozenset[Key] | None, script: Script) -> str:
    return closing_statements(tenant, recorded or frozenset(), script.applied, script.unapplied)


@lru_cache(maxsize=256)
def plan_of(way: Way) -> Plan:
    """Return the migrations of a way."""
    recorded, goals = way
    plan: Plan = AppliedExecutor(recorded or frozenset()).migration_plan(list(goals))
    return plan


def _is_atomic(way: Way) -> bool:
    return all(migration.atomic for migration, _ in plan_of(way))
