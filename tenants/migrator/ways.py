"""The way from what is applied in a schema to where it has to be, in legs that are each one transaction or none."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby

from tenants.migrator.graph import AppliedExecutor, Target
from tenants.release import Key


@dataclass(frozen=True, slots=True)
class Leg:
    """Migrations that are done together: all that are atomic up to one that is not, or that one alone."""

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
    if not atomic:
        part = part[:1]
    return _leg(recorded, part, atomic=atomic), len(part) < len(plan)


def _leg(recorded: frozenset[Key] | None, plan: list, *, atomic: bool) -> Leg:  # type: ignore[type-arg]
    keys = tuple((migration.app_label, migration.name) for migration, _ in plan)
    return Leg(recorded, keys, backwards=any(backwards for _, backwards in plan), atomic=atomic)
