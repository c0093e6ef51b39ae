"""The SQL of a plan, worked out once and sent to every schema that starts from the same place.

It is worked out by doing it: Django migrates the first schema of a kind, and what its schema editor sends is written
down. The next schema gets the same statements in one message. Steps in Python are run again for each schema, with
the model states kept; so is whatever could come out differently a second time (`tenants.migrator.replayable`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

from django.db import connection
from django.db.migrations import Migration
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from tenants.migrator.baseline import for_no_rows
from tenants.migrator.graph import AppliedExecutor, Plan, at
from tenants.migrator.replayable import changes_tables_alone, comes_out_the_same, sends_the_same
from tenants.migrator.signals import announce_after, announce_before, somebody_cares, strangers_listen
from tenants.models.code_release import Key
from tenants.postgresql.base import DatabaseWrapper
from tenants.postgresql.schema import recording, recording_writes

_SETTLE = "SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED"
"""Fires the deferred checks of rows written so far: ALTER TABLE refuses while any are waiting."""


@dataclass(frozen=True, slots=True)
class PythonStep:
    """A migration whose operations are run anew for each schema, between model states that are kept."""

    migration: Migration
    operations: tuple[tuple[Operation, ProjectState, ProjectState], ...]

    def run(self) -> None:
        """Run the operations in the transaction at hand, as `Migration.apply` does."""
        with connection.schema_editor(atomic=True) as editor:
            for operation, before, after in self.operations:
                operation.database_forwards(self.migration.app_label, editor, before, after)


@dataclass(slots=True)
class Script:
    """What brings a schema from one place to another: statements and steps in Python, in order."""

    plan: Plan
    state: ProjectState
    """The models as they are afterwards."""
    steps: list[str | PythonStep] = field(default_factory=list)
    reusable: bool = True
    """Whether it may be used for another schema at all."""
    announced: bool = False
    """Whether `post_migrate` has to be sent for each schema."""
    missing_records: list[Key] = field(default_factory=list)
    """Squashed migrations that are applied because all that they replace is, and are not recorded yet."""

    @property
    def is_one_message(self) -> bool:
        """Whether there is nothing in it but statements."""
        return not self.announced and all(isinstance(step, str) for step in self.steps)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(str(migration) for migration, _ in self.plan)

    @property
    def applied(self) -> list[Key]:
        """The migrations to record as applied, in Django's order."""
        forwards = [migration for migration, backwards in self.plan if not backwards]
        own = [key for m in forwards for key in (*m.replaces, (m.app_label, m.name))]
        return [*own, *self.missing_records]

    @property
    def unapplied(self) -> list[Key]:
        """The migrations whose records go."""
        backwards = [migration for migration, backwards in self.plan if backwards]
        return [key for m in backwards for key in (*m.replaces, (m.app_label, m.name))]

    def add_sql(self, statements: Sequence[str]) -> None:
        """Append statements to the last message, or begin one."""
        # The semicolon has a line of its own: a statement may end in a comment.
        text = "".join(f"{statement}\n;\n" for statement in statements)
        if self.steps and isinstance(self.steps[-1], str):
            self.steps[-1] += text
        elif text:
            self.steps.append(text)

    def replay(self, closing: str) -> None:
        """Do to another schema what was done to the first, and send `closing` last, in the same message if possible."""
        steps = list(self.steps)
        if steps and isinstance(steps[-1], str) and not self.announced:
            closing = cast(str, steps.pop()) + closing
        for step in steps:
            if isinstance(step, PythonStep):
                with at(step.migration):
                    step.run()
            else:
                send(step)
        if self.announced:
            announce_after(self.plan, self.state)
        send(closing)


def send(statements: str) -> None:
    """Send statements in one message."""
    with connection.cursor() as cursor:
        cursor.execute(statements)


def migrate_and_record(executor: AppliedExecutor, plan: Plan, *, from_nothing: bool) -> Script:
    """Apply a plan of atomic migrations to the schema at hand, and return the script for the next ones."""
    state = executor.starting_state()
    state.apps  # noqa: B018  # rendered here, it is copied for each step; otherwise it would be rendered for the first two
    if from_nothing or somebody_cares(plan):
        announce_before(plan, state)
    script = Script(plan, state, missing_records=executor.unrecorded_replacements())
    if from_nothing:
        with recording(_wrapper()) as statements, connection.schema_editor() as editor:
            editor.create_model(executor.recorder.Migration)
        script.add_sql(statements)
    if any(backwards for _, backwards in plan):
        _backwards(executor, script)
    else:
        for migration, _ in plan:
            with at(migration):
                _forwards(migration, script, from_nothing=from_nothing)
    _announce(script, from_nothing=from_nothing)
    return script


def _forwards(migration: Migration, script: Script, *, from_nothing: bool) -> None:
    if from_nothing:
        migration = for_no_rows(migration)
    if sends_the_same(migration, script.state):
        with recording(_wrapper()) as statements, _savepoints(not from_nothing), _editor() as editor:
            script.state = migration.apply(script.state, editor)
        script.add_sql(statements)
    else:
        step = _python_step(migration, script.state)
        step.run()
        script.steps.append(step)
        script.state = step.operations[-1][2]
    if not all(changes_tables_alone(operation) for operation in migration.operations):
        connection.check_constraints()
        script.add_sql([_SETTLE])


def _editor() -> Any:
    return connection.schema_editor(atomic=True)


@contextmanager
def _savepoints(allowed: bool) -> Iterator[None]:
    """Let no savepoint be made inside the block unless they are allowed: a statement that fails fails all."""
    before = connection.features.uses_savepoints
    connection.features.uses_savepoints = before and allowed
    try:
        yield
    finally:
        connection.features.uses_savepoints = before


def _python_step(migration: Migration, state: ProjectState) -> PythonStep:
    operations = []
    for operation in migration.operations:
        before, after = state, state.clone()
        operation.state_forwards(migration.app_label, after)
        for kept in (before, after):
            # Models that were changed in a hurry do not fit those that relate to them, and RunPython would render all
            # of them anew for each schema. Here they are rendered once more, and kept.
            kept.clear_delayed_apps_cache()
            kept.is_delayed = False
        operations.append((operation, before, after))
        state = after
    return PythonStep(migration, tuple(operations))


def _backwards(executor: AppliedExecutor, script: Script) -> None:
    with recording(_wrapper()) as statements:
        script.state = executor.unapply(script.plan)
    script.add_sql(statements)
    operations = (operation for migration, _ in script.plan for operation in migration.operations)
    script.reusable = all(comes_out_the_same(operation, backwards=True) for operation in operations)


def _announce(script: Script, *, from_nothing: bool) -> None:
    if from_nothing and not strangers_listen():
        with recording_writes(_wrapper()) as writes:
            announce_after(script.plan, script.state)
        # In an empty schema the rows of content types and permissions get the same numbers every time.
        script.add_sql(writes)
    elif somebody_cares(script.plan):
        announce_after(script.plan, script.state)
        script.announced = True


def _wrapper() -> DatabaseWrapper:
    return cast(DatabaseWrapper, connection)
