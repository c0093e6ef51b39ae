"""Mistakes that code of a project makes with tenants, and what each engine answers; `bench.behaviour` prints it.

Every schema has one group, named after it, so that an answer tells whose rows were read.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread
from typing import Any

from django.contrib.auth.models import Group
from django.db import connection, transaction

FIRST, SECOND = "shop1", "shop2"


def mark(adapter: Any) -> None:
    """Make the group of each schema."""
    with adapter.platform():
        Group.objects.create(name="the platform")
    for name in (FIRST, SECOND):
        with adapter.inside(name):
            Group.objects.all().delete()
            Group.objects.create(name=name)


def without_a_tenant(adapter: Any) -> str:
    """A query without an active tenant."""
    adapter.leave()
    return _rows_of(Group.objects.all())


def in_a_thread(adapter: Any) -> str:
    """A query in a thread that a tenant's code has started."""
    found = []
    with adapter.inside(FIRST):
        thread = Thread(target=lambda: found.append(_answer(lambda: _rows_of(Group.objects.all()))))
        thread.start()
        thread.join()
    return found[0]


def saved_in_another(adapter: Any) -> str:
    """A record of one tenant, saved in another."""
    with adapter.inside(FIRST):
        group = Group.objects.get()
    with adapter.inside(SECOND), transaction.atomic():
        group.save()
        found = f"overwrites a row of {SECOND}" if Group.objects.get().name == FIRST else "writes nothing"
        transaction.set_rollback(True)
    return found


def evaluated_in_another(adapter: Any) -> str:
    """A queryset that was made in one tenant, and evaluated in another."""
    with adapter.inside(FIRST):
        groups = Group.objects.all()
    with adapter.inside(SECOND):
        return _rows_of(groups)


def after_a_savepoint(adapter: Any) -> str:
    """A query of the second tenant after a rollback to a savepoint of the first."""
    with transaction.atomic(), adapter.inside(FIRST):
        Group.objects.count()
        savepoint = transaction.savepoint()
        with adapter.inside(SECOND):
            Group.objects.count()
            transaction.savepoint_rollback(savepoint)
            return _rows_of(Group.objects.all())


def without_its_schema(adapter: Any) -> str:
    """A query of a tenant whose schema is missing."""
    with adapter.inside(SECOND), connection.cursor() as cursor:
        cursor.execute("SELECT current_schema()")
        (schema,) = cursor.fetchone()
    _run_as_owner(adapter, f'ALTER SCHEMA "{schema}" RENAME TO lost')
    try:
        with adapter.inside(SECOND):
            return _rows_of(Group.objects.all())
    finally:
        connection.close()
        _run_as_owner(adapter, f'ALTER SCHEMA lost RENAME TO "{schema}"')


def opened_again(adapter: Any) -> str:
    """A tenant that is opened with the name of a deleted one."""
    adapter.delete(SECOND)
    adapter.create(SECOND)
    with adapter.inside(SECOND):
        if Group.objects.filter(name=SECOND).exists():
            return "has the rows of the deleted one"
    return "is empty"


SITUATIONS: list[Callable[[Any], str]] = [
    without_a_tenant, in_a_thread, saved_in_another, evaluated_in_another, after_a_savepoint, without_its_schema,
    opened_again,
]  # fmt: skip


def answers(adapter: Any) -> dict[str, str]:
    """Return what each situation ends in, by what it is."""
    mark(adapter)
    return {str(situation.__doc__): _answer(lambda situation=situation: situation(adapter)) for situation in SITUATIONS}


def _rows_of(groups: Any) -> str:
    return f"reads rows of {', '.join(group.name for group in groups) or 'nobody'}"


def _answer(call: Callable[[], str]) -> str:
    try:
        return call()
    except Exception as error:
        return f"{type(error).__name__}"


def _run_as_owner(adapter: Any, statement: str) -> None:
    with adapter.platform(), connection.cursor() as cursor:
        cursor.execute(statement)
