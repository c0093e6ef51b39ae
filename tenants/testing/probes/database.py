"""Probes of rows, instances, search paths and roles."""

from __future__ import annotations

from contextlib import suppress
from threading import Thread

from django.contrib.contenttypes.models import ContentType
from django.db import DatabaseError, connection, transaction
from psycopg import sql

from tenants.conf import tenancy
from tenants.context import TenantInfo, use_tenant
from tenants.errors import TenancyError
from tenants.testing.probe import NotApplicable, Probe, Stage, acting
from tenants.threads import run_in_threads


def database_probes() -> list[Probe]:
    return [
        Probe(name="rows through the ORM", look=_rows),
        Probe(name="tables by qualified name", look=_tables_by_full_name, readers=("other tenant",)),
        Probe(name="the control plane's tables", look=_control_plane, readers=("other tenant",), control="platform"),
        Probe(name="saving a record", look=_saved, readers=("other tenant", "platform")),
        Probe(name="a queryset of another tenant", look=_begun_elsewhere, readers=("other tenant", "platform")),
        Probe(name="rows in memory of a shared queryset", look=_shared_rows, readers=("other tenant", "platform")),
        Probe(name="the search path after a savepoint's rollback", look=_after_savepoint),
        Probe(name="the connection after a tenant's block", look=_connection_afterwards),
        Probe(name="a thread started by a tenant", look=_thread, readers=("no tenant",)),
        Probe(name="an on_commit callback", look=_after_commit, readers=("other tenant", "platform")),
    ]


def _leave_a_row(stage: Stage) -> ContentType:
    # Every project has this table.
    with use_tenant(stage.owner):
        return ContentType.objects.get_or_create(app_label="probe", model=stage.secret)[0]


def _rows(stage: Stage, reader: TenantInfo | None) -> str:
    _leave_a_row(stage)
    with acting(reader):
        return ", ".join(str(row) for row in ContentType.objects.filter(model=stage.secret).values_list("pk"))


def _tables_by_full_name(stage: Stage, reader: TenantInfo | None) -> str:
    if not tenancy().role_per_tenant:
        raise NotApplicable("ROLE_PER_TENANT is off: without roles, a full name reaches every schema.")
    with acting(stage.owner.as_owner()), connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", [stage.owner.schema])
        tables = [name for (name,) in cursor.fetchall()]
    return ", ".join(name for name in tables if _can_read(reader, stage.owner.schema, name))


def _control_plane(stage: Stage, reader: TenantInfo | None) -> str:
    if not tenancy().role_per_tenant:
        raise NotApplicable("ROLE_PER_TENANT is off: without roles, a full name reaches every schema.")
    return "tenants_tenant" if _can_read(reader, "public", "tenants_tenant") else ""


def _can_read(reader: TenantInfo | None, schema: str, table: str) -> bool:
    try:
        with acting(reader), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql.SQL("SELECT 1 FROM {} LIMIT 1").format(sql.Identifier(schema, table)))
            return True
    except (DatabaseError, TenancyError):
        return False


def _saved(stage: Stage, reader: TenantInfo | None) -> str:
    record = _leave_a_row(stage)
    with acting(reader):
        record.save()
    return "a record of the owner's was saved"


def _begun_elsewhere(stage: Stage, reader: TenantInfo | None) -> str:
    with use_tenant(stage.owner):
        rows = ContentType.objects.order_by("pk")
    with acting(reader):
        return f"{len(rows)} rows, of a queryset of the owner's"


def _shared_rows(stage: Stage, reader: TenantInfo | None) -> str:
    _leave_a_row(stage)
    everybody = ContentType.objects.filter(model=stage.secret)  # as at the top of a module
    with use_tenant(stage.owner):
        list(everybody)
    with acting(reader):
        return ", ".join(str(row.pk) for row in everybody)


def _after_savepoint(stage: Stage, reader: TenantInfo | None) -> str:
    """Let the server fall back to the owner's settings, which were sent before the savepoint that is undone."""
    with transaction.atomic():
        with use_tenant(stage.owner):
            _current_schema()
        savepoint = str(connection.savepoint())  # None outside a transaction alone
        with suppress(TenancyError), acting(reader):
            _current_schema()
        connection.savepoint_rollback(savepoint)
        with acting(reader):
            return stage.owner.schema if _current_schema() == stage.owner.schema else ""


def _current_schema() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_schema()")
        return str(cursor.fetchone()[0])


def _connection_afterwards(stage: Stage, reader: TenantInfo | None) -> str:
    with use_tenant(stage.owner), transaction.atomic():
        _current_schema()
        during = _known_to_the_connection(stage)
    return during if reader == stage.owner else _known_to_the_connection(stage)


def _known_to_the_connection(stage: Stage) -> str:
    """Ask past the engine: the driver's own cursor carries no tenant."""
    connection.ensure_connection()
    row = connection.connection.execute("SELECT current_setting('search_path'), current_user").fetchone()
    return ", ".join(text for text in row if stage.owner.schema in text)


def _thread(stage: Stage, reader: TenantInfo | None) -> str:
    _leave_a_row(stage)
    found: list[str] = []

    def look(_: object = None) -> None:
        try:
            found.extend(str(row.pk) for row in ContentType.objects.filter(model=stage.secret))
        except TenancyError:
            pass
        finally:
            connection.close()

    with use_tenant(stage.owner):
        if reader == stage.owner:
            run_in_threads(look, [None], threads=1)
        else:
            thread = Thread(target=look)
            thread.start()
            thread.join()
    return ", ".join(found)


def _after_commit(stage: Stage, reader: TenantInfo | None) -> str:
    """Register a function as the reader inside a transaction that the owner commits."""
    found: list[str] = []

    def note() -> None:
        found.append(_current_schema())

    with use_tenant(stage.owner), transaction.atomic(), acting(reader):
        transaction.on_commit(note)
    return stage.owner.schema if found == [stage.owner.schema] else ""
