"""The way from what is applied in a schema to where it has to be, in legs that are each one transaction or none."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby

from django.db.migrations import RunSQL, SeparateDatabaseAndState
from django.db.migrations.operations.base import Operation

from tenants.migrator.graph import AppliedExecutor, Plan, Target
from tenants.models.code_release import Key

_ADD_VALUE = re.compile(r"\bALTER\s+TYPE\b.*\bADD\s+VALUE\b", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Leg:
    """Migrations that are done together: all that are atomic up to one that is not, or that one alone.

    One that gives an enum a value ends a leg too.
    """

    recorded: frozenset[Key] | None
    """What is applied where the leg begins; None: the schema is new."""
    keys: tuple[Key, ...]
    backwards: bool
    atomic: bool

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(f"{app}.{name}" for app, name in self.keys)


@lru_cache(maxsize=256)
def first_leg(recorded: frozenset[Key] | None, goals: tuple[Target, ...]) -> tuple[Leg, bool]:
    """Return the first leg of the way, which may hold no migration, and whether there are more."""
    plan = AppliedExecutor(recorded or frozenset()).migration_plan(list(goals))
    if recorded is None:
        # A new schema is made in the transaction at hand, whatever its migrations say.
        return _leg(recorded, plan, atomic=True), False
    parts = [(atomic, list(part)) for atomic, part in groupby(plan, key=lambda step: step[0].atomic)]
    if not parts:
        return _leg(recorded, [], atomic=True), False
    atomic, part = parts[0]
    part = _until_enum_value(part) if atomic else part[:1]
    return _leg(recorded, part, atomic=atomic), len(part) < len(plan)


def _until_enum_value(plan: Plan) -> Plan:
    """Return a plan up to a migration that gives an enum a value: PostgreSQL has none use it before it is committed."""
    for number, (migration, backwards) in enumerate(plan, start=1):
        if not backwards and any(map(_adds_enum_value, migration.operations)):
            return plan[:number]
    return plan


def _adds_enum_value(operation: Operation) -> bool:
    if isinstance(operation, SeparateDatabaseAndState):
        return any(map(_adds_enum_value, operation.database_operations))
    return isinstance(operation, RunSQL) and _ADD_VALUE.search(str(operation.sql)) is not None


def _leg(recorded: frozenset[Key] | None, plan: list, *, atomic: bool) -> Leg:  # type: ignore[type-arg]
    keys = tuple((migration.app_label, migration.name) for migration, _ in plan)
    return Leg(recorded, keys, backwards=any(backwards for _, backwards in plan), atomic=atomic)
