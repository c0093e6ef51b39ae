"""Statements that the engine composes reach the wrappers of other apps as text."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from psycopg import sql

from tenants import TenantInfo, use_tenant

COMPOSED = sql.SQL("SELECT {} FROM {} WHERE {} = %s").format(
    sql.Literal("it's 100%%"), sql.Identifier("django_content_type"), sql.Identifier("id")
)


@pytest.mark.parametrize("is_recorded", [False, True])
def test_a_composed_statement_is_text_for_wrappers(acme: TenantInfo, is_recorded: bool) -> None:
    seen: list[Any] = []

    def wrapper(execute: Any, statement: Any, params: Any, many: Any, context: Any) -> Any:
        seen.append(statement)
        return execute(statement, params, many, context)

    with use_tenant(acme), connection.execute_wrapper(wrapper):
        connection.force_debug_cursor = is_recorded
        try:
            with connection.cursor() as cursor:
                cursor.execute(COMPOSED, [1])
                cursor.execute(sql.SQL("SELECT 1"))
        finally:
            connection.force_debug_cursor = False
    assert [type(statement) for statement in seen] == [str, str]
    assert seen[0] == """SELECT 'it''s 100%%' FROM "django_content_type" WHERE "id" = %s"""


def test_recorded_statements_are_text(acme: TenantInfo) -> None:
    with use_tenant(acme), CaptureQueriesContext(connection) as queries, connection.cursor() as cursor:
        cursor.execute(sql.SQL("SELECT {}").format(sql.Literal(1)))
    assert [query["sql"] for query in queries] == ["SELECT 1"]
