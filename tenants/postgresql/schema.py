"""Schema editor that records its SQL, places extensions, and creates triggers for child models of variants."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any

from django.db.backends.postgresql import schema
from django.db.backends.utils import truncate_name

from tenants.postgresql.extensions import place_extensions
from tenants.variants.labels import parents_of

if TYPE_CHECKING:
    from tenants.postgresql.base import DatabaseWrapper


# When code that does not know the variant, or psql, inserts a row of the parent model, the trigger inserts the row of
# the child model at the end of the transaction, unless it exists. The trigger takes the schema from its table, because
# a restore can rename the schema. The SELECT finds nothing if the transaction also deleted the row.
_CHILD_ROW_TRIGGER = """
CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    EXECUTE format('INSERT INTO %I.{child} ({link}) SELECT {key} FROM %I.{parent} WHERE {key} = $1
                    ON CONFLICT DO NOTHING', TG_TABLE_SCHEMA, TG_TABLE_SCHEMA) USING NEW.{key};
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER {name} AFTER INSERT ON {parent} DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION {name}()"""


class DatabaseSchemaEditor(schema.DatabaseSchemaEditor):
    """Appends each statement, with parameters merged, to the connection's `recording` if that is set."""

    connection: DatabaseWrapper

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        # As Django's, but a failing deferred statement does not leave the transaction open.
        if error is None:
            try:
                for statement in self.deferred_sql:
                    self.execute(statement, None)
            except BaseException as deferred:
                self._leave(type(deferred), deferred, deferred.__traceback__)
                raise
        self._leave(kind, error, traceback)

    def _leave(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self.atomic_migration:
            self.atomic.__exit__(kind, error, traceback)

    def execute(self, sql: Any, params: Any = ()) -> None:
        text = str(sql)  # Django's `Statement` objects can change until they are executed
        if params is not None:
            text = self.connection.ops.compose_sql(text, params)
        if not self.collect_sql:
            text = place_extensions(text)
            if not text.strip(" \n;"):
                return
        if self.connection.recording is not None:
            self.connection.recording.append(text)
        super().execute(text, None)

    def create_model(self, model: Any) -> None:
        """Create a table, and for a variant's child model the trigger that inserts rows for the parent's."""
        super().create_model(model)
        for parent, link in parents_of(model):
            self.execute(_CHILD_ROW_TRIGGER.format(**self._names(model, parent, link)), None)

    def delete_model(self, model: Any) -> None:
        """Drop a table, and the triggers of a variant's child model."""
        for parent, link in parents_of(model):
            self.execute("DROP FUNCTION {name}() CASCADE".format(**self._names(model, parent, link)), None)
        super().delete_model(model)

    def _names(self, model: Any, parent: Any, link: Any) -> dict[str, str]:
        return {
            "name": self.quote_name(child_trigger_name(model._meta.db_table)),
            "child": self.quote_name(model._meta.db_table),
            "link": self.quote_name(link.column),
            "parent": self.quote_name(parent._meta.db_table),
            "key": self.quote_name(parent._meta.pk.column),
        }


def child_trigger_name(table: str) -> str:
    """Return the name of the trigger, and of its function, that inserts rows into a child model's table."""
    return truncate_name(f"{table}_follow", 63)


@contextmanager
def recording(connection: DatabaseWrapper) -> Iterator[list[str]]:
    """Collect the statements that schema editors send on `connection` inside the block."""
    before, connection.recording = connection.recording, []
    try:
        yield connection.recording
    finally:
        connection.recording = before


_WRITES = ("INSERT", "UPDATE", "DELETE")


@contextmanager
def recording_writes(connection: DatabaseWrapper) -> Iterator[list[str]]:
    """Collect the INSERT, UPDATE and DELETE statements that the ORM sends on `connection` inside the block."""
    statements: list[str] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        if sql.startswith(_WRITES):
            statements.append(connection.ops.compose_sql(sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        yield statements
