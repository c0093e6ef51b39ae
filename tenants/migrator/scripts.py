"""Migration scripts: the SQL of a plan, recorded once and replayed in each schema with the same history.

Django migrates the first schema of a kind, and the statements of its schema editor are recorded. The next schema gets
them in one message. Python code, and any operation that may send different SQL the next time
(`tenants.migrator.replayable`), runs again for each schema, with cached model states.
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
from tenants.migrator.graph import AppliedExecutor, Plan, naming_migration
from tenants.migrator.history import SchemaHistory
from tenants.migrator.replayable import is_deterministic, is_replayable, only_alters_tables
from tenants.migrator.signals import has_third_party_receivers, send_post_migrate, send_pre_migrate, signals_needed
from tenants.models.code_release import Key
from tenants.postgresql.base import DatabaseWrapper
from tenants.postgresql.schema import recording, recording_writes

# Runs the deferred checks of the rows written so far: ALTER TABLE fails while some are pending.
_CHECK_CONSTRAINTS = "SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED"


@dataclass(frozen=True, slots=True)
class PythonStep:
    """A migration whose operations run again for each schema, with cached model states."""

    migration: Migration
    operations: tuple[tuple[Operation, ProjectState, ProjectState], ...]

    def run(self) -> None:
        """Run the operations in the current transaction, as `Migration.apply` does."""
        with connection.schema_editor(atomic=True) as editor:
            for operation, before, after in self.operations:
                operation.database_forwards(self.migration.app_label, editor, before, after)


@dataclass(slots=True)
class Script:
    """The steps that migrate a schema from one history to another: SQL and Python, in order."""

    plan: Plan
    state: ProjectState
    """The models after the migration."""
    steps: list[str | PythonStep] = field(default_factory=list)
    reusable: bool = True
    sends_signals: bool = False
    """Whether `post_migrate` is sent for each schema."""
    missing_records: list[Key] = field(default_factory=list)
    """Squashed migrations that count as applied but are not recorded yet."""

    @property
    def is_one_message(self) -> bool:
        """Whether the script consists of SQL only."""
        return not self.sends_signals and all(isinstance(step, str) for step in self.steps)

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
        """The migrations whose records are deleted."""
        backwards = [migration for migration, backwards in self.plan if backwards]
        return [key for m in backwards for key in (*m.replaces, (m.app_label, m.name))]

    def add_sql(self, statements: Sequence[str]) -> None:
        # The semicolon has its own line because a statement may end with a comment.
        text = "".join(f"{statement}\n;\n" for statement in statements)
        if self.steps and isinstance(self.steps[-1], str):
            self.steps[-1] += text
        elif text:
            self.steps.append(text)

    def replay(self, history: SchemaHistory) -> None:
        """Migrate another schema with the same history and record that, in the last message if possible."""
        record = history.record_statements(self.applied, self.unapplied)
        steps = list(self.steps)
        if steps and isinstance(steps[-1], str) and not self.sends_signals:
            record = cast(str, steps.pop()) + record
        for step in steps:
            if isinstance(step, PythonStep):
                with naming_migration(step.migration):
                    step.run()
            else:
                send(step)
        if self.sends_signals:
            send_post_migrate(self.plan, self.state)
        send(record)


def send(statements: str) -> None:
    """Send statements in one message."""
    with connection.cursor() as cursor:
        cursor.execute(statements)


def migrate_and_record(executor: AppliedExecutor, plan: Plan, *, from_nothing: bool) -> Script:
    """Apply atomic migrations to the active schema, and return the script for the next schema."""
    state = executor.starting_state()
    state.apps  # noqa: B018  # rendered once here and copied for each step, not rendered for the first two steps
    if from_nothing or signals_needed(plan):
        send_pre_migrate(plan, state)
    script = Script(plan, state, missing_records=executor.unrecorded_replacements())
    if from_nothing:
        with recording(_wrapper()) as statements, connection.schema_editor() as editor:
            editor.create_model(executor.recorder.Migration)
        script.add_sql(statements)
    if any(backwards for _, backwards in plan):
        _unapply(executor, script)
    else:
        for migration, _ in plan:
            with naming_migration(migration):
                _apply(migration, script, from_nothing=from_nothing)
    _finish(script, from_nothing=from_nothing)
    return script


def _apply(migration: Migration, script: Script, *, from_nothing: bool) -> None:
    if from_nothing:
        migration = for_no_rows(migration)
    if is_replayable(migration, script.state):
        with recording(_wrapper()) as statements, _savepoints(not from_nothing), _editor() as editor:
            script.state = migration.apply(script.state, editor)
        script.add_sql(statements)
    else:
        step = _python_step(migration, script.state)
        step.run()
        script.steps.append(step)
        script.state = step.operations[-1][2].clone()  # the next migration changes the state that it gets
    if not all(only_alters_tables(operation) for operation in migration.operations):
        connection.check_constraints()
        script.add_sql([_CHECK_CONSTRAINTS])


def _editor() -> Any:
    return connection.schema_editor(atomic=True)


@contextmanager
def _savepoints(allowed: bool) -> Iterator[None]:
    """Create no savepoints inside the block unless `allowed`."""
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
        for cached in (before, after):
            # Django delays the rendering of related models, and RunPython would render them again for each schema.
            # Here they are rendered once and cached.
            cached.clear_delayed_apps_cache()
            cached.is_delayed = False
        operations.append((operation, before, after))
        state = after
    return PythonStep(migration, tuple(operations))


def _unapply(executor: AppliedExecutor, script: Script) -> None:
    with recording(_wrapper()) as statements:
        script.state = executor.unapply(script.plan)
    script.add_sql(statements)
    operations = (operation for migration, _ in script.plan for operation in migration.operations)
    script.reusable = all(is_deterministic(operation, backwards=True) for operation in operations)


def _finish(script: Script, *, from_nothing: bool) -> None:
    if from_nothing and not has_third_party_receivers():
        with recording_writes(_wrapper()) as writes:
            send_post_migrate(script.plan, script.state)
        # In an empty schema, content types and permissions get the same ids every time.
        script.add_sql(writes)
    elif signals_needed(script.plan):
        send_post_migrate(script.plan, script.state)
        script.sends_signals = True


def _wrapper() -> DatabaseWrapper:
    return cast(DatabaseWrapper, connection)
