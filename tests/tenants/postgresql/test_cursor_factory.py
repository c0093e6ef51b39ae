"""Cursor factories of OPTIONS and of instrumentations are combined with `TenantCursor`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import IntegrityError, connection, connections, transaction
from django.db.backends.postgresql.base import Cursor as DjangoCursor
from psycopg import NotSupportedError

from tenants import NoActiveTenant, TenantInfo, use_tenant
from tenants.postgresql.base import DatabaseWrapper
from tenants.postgresql.cursor import TenantCursor
from tenants.registry.lookup import tenant_by_slug

WHERE = "SELECT current_schema(), current_user"
seen: list[str] = []


class NotingCursor(DjangoCursor):  # type: ignore[misc, valid-type]
    def execute(self, query: Any, *args: Any, **kwargs: Any) -> Any:
        seen.append(str(query))
        return super().execute(query, *args, **kwargs)

    def executemany(self, query: Any, *args: Any, **kwargs: Any) -> Any:
        seen.append(f"many: {query}")
        return super().executemany(query, *args, **kwargs)

    def hello(self) -> str:
        return "hello"


class ServerBindingCursor(psycopg.Cursor[Any]):
    """A factory of an instrumentation that knows only psycopg's default class."""

    def execute(self, query: Any, *args: Any, **kwargs: Any) -> Any:
        seen.append(f"traced: {query}")
        return super().execute(query, *args, **kwargs)


@pytest.fixture
def fresh(committed: None) -> Iterator[Callable[..., DatabaseWrapper]]:
    made: list[DatabaseWrapper] = []

    def wrapper(**options: Any) -> DatabaseWrapper:
        settings = {**connection.settings_dict, "OPTIONS": {**connection.settings_dict["OPTIONS"], **options}}
        settings["OPTIONS"].pop("pool", None)
        made.append(type(connections["default"])(settings, "default"))
        return made[-1]

    seen.clear()
    yield wrapper
    for each in made:
        each.close()


def test_cursor_factory_is_used_and_carries_the_tenant(fresh: Callable[..., DatabaseWrapper]) -> None:
    """It sees the statements without the settings before them."""
    wrapper = fresh(cursor_factory=NotingCursor)
    wrapper.connect()
    seen.clear()
    for slug in ("acme", "globex"):
        tenant = tenant_by_slug(slug)
        with use_tenant(tenant), wrapper.cursor() as cursor:
            cursor.execute(WHERE)
            assert cursor.fetchone() == (tenant.schema, tenant.role)
            assert cursor.hello() == "hello"
            cursor.executemany("SELECT %s", [[1], [2]])
    assert seen == [WHERE, "many: SELECT %s"] * 2
    with pytest.raises(NoActiveTenant), wrapper.cursor() as cursor:
        cursor.execute("SELECT 1")


def test_a_factory_put_on_the_connection_is_used(fresh: Callable[..., DatabaseWrapper]) -> None:
    """As OpenTelemetry's `instrument_connection()` does."""
    wrapper, tenant = fresh(), tenant_by_slug("acme")
    with use_tenant(tenant):
        wrapper.ensure_connection()
        wrapper.connection.cursor_factory = ServerBindingCursor
        with wrapper.cursor() as cursor:
            cursor.execute("SELECT current_schema(), %s", [7])
            assert cursor.fetchone() == (tenant.schema, 7)
    assert seen == ["traced: SELECT current_schema(), %s"]


def test_cursors_of_one_factory_have_one_class(fresh: Callable[..., DatabaseWrapper]) -> None:
    wrapper = fresh(cursor_factory=NotingCursor)
    with use_tenant(tenant_by_slug("acme")):
        kinds = {type(wrapper.cursor().cursor) for _ in range(3)}
        plain = type(fresh().cursor().cursor)
    assert len(kinds) == 1
    assert plain is TenantCursor


@pytest.mark.parametrize("factory", ["NotingCursor", lambda connection: None, object, psycopg.AsyncCursor])
def test_a_factory_that_is_not_a_cursor_class_is_refused(fresh: Callable[..., DatabaseWrapper], factory: Any) -> None:
    with use_tenant(tenant_by_slug("acme")), pytest.raises(ImproperlyConfigured, match="cursor_factory"):
        fresh(cursor_factory=factory).ensure_connection()


def test_binary_results_are_refused_wherever_the_tenant_was_told(fresh: Callable[..., DatabaseWrapper]) -> None:
    """As psycopg's client-side cursors do; they do not return text instead."""
    wrapper = fresh()
    with use_tenant(tenant_by_slug("acme")), wrapper.cursor() as cursor:
        for in_transaction in (False, True):
            wrapper.set_autocommit(not in_transaction)
            if in_transaction:
                cursor.execute("SELECT 1")
            with pytest.raises(NotSupportedError, match="binary=True"):
                cursor.cursor.execute("SELECT 1", binary=True)
            wrapper.rollback()


def test_check_constraints_raises_djangos_integrity_error(acme: TenantInfo) -> None:
    """`TestCase`, `loaddata` and `assertRaises` expect this error."""
    with use_tenant(acme), pytest.raises(IntegrityError), transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO auth_user_groups (user_id, group_id) VALUES (-1, -1)")
        connection.check_constraints()


def test_check_constraints_on_a_new_connection_finds_nothing(fresh: Callable[..., DatabaseWrapper]) -> None:
    """It connects by itself and needs no tenant, because constraints belong to the transaction."""
    fresh().check_constraints()
