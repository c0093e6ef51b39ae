"""Segments of a migration plan: each one runs in one transaction, or is one migration without a transaction."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import groupby

from django.db.migrations import RunSQL, SeparateDatabaseAndState
from django.db.migrations.operations.base import Operation

from tenants.migrator.graph import AppliedExecutor, Plan, Target
from tenants.models.code_release import Key

_ADD_VALUE = re.compile(r"\bALTER\s+TYPE\b.*\bADD\s+VALUE\b", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Segment:
    """Consecutive migrations of a plan: all that are atomic, or one with `atomic = False`.

    A migration that adds a value to an enum ends a segment.
    """

    before: frozenset[Key] | None
    """Migrations that are applied before the segment; None: the schema is empty."""
    keys: tuple[Key, ...]
    backwards: bool
    atomic: bool
    is_last: bool = field(compare=False)

    is_whole: bool = field(compare=False)
    """Whether it is the whole plan and runs in one transaction."""

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(f"{app}.{name}" for app, name in self.keys)


@lru_cache(maxsize=256)
def next_segment(applied: frozenset[Key] | None, targets: tuple[Target, ...]) -> Segment:
    """Return the first segment of the plan, without migrations if there is nothing to do."""
    plan = AppliedExecutor(applied or frozenset()).migration_plan(list(targets))
    if applied is None:
        # A new schema is built in the transaction that creates it, so `atomic = False` has no effect.
        return _segment(applied, plan, plan, atomic=True)
    groups = [(atomic, list(group)) for atomic, group in groupby(plan, key=lambda step: step[0].atomic)]
    if not groups:
        return _segment(applied, plan, plan, atomic=True)
    atomic, group = groups[0]
    return _segment(applied, _until_enum_value(group) if atomic else group[:1], plan, atomic=atomic)


def _until_enum_value(plan: Plan) -> Plan:
    """Return a plan up to the first migration that adds an enum value, which cannot be used before a commit."""
    for number, (migration, backwards) in enumerate(plan, start=1):
        if not backwards and any(map(_adds_enum_value, migration.operations)):
            return plan[:number]
    return plan


def _adds_enum_value(operation: Operation) -> bool:
    if isinstance(operation, SeparateDatabaseAndState):
        return any(map(_adds_enum_value, operation.database_operations))
    return isinstance(operation, RunSQL) and _ADD_VALUE.search(str(operation.sql)) is not None


def _segment(applied: frozenset[Key] | None, part: Plan, plan: Plan, *, atomic: bool) -> Segment:
    return Segment(
        before=applied,
        keys=tuple((migration.app_label, migration.name) for migration, _ in part),
        backwards=any(backwards for _, backwards in part),
        atomic=atomic,
        is_last=len(part) == len(plan),
        is_whole=atomic and len(part) == len(plan),
    )
