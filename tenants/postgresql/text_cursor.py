"""Django's cursor wrappers, which pass statements on as text: wrappers of other apps expect `str`, as Django's own."""

from __future__ import annotations

from typing import Any

from django.db.backends.postgresql import base as postgresql
from django.db.backends.utils import CursorWrapper
from psycopg.sql import Composable


class _TextStatements:
    cursor: Any

    def execute(self, sql: Any, params: Any = None) -> Any:
        if isinstance(sql, Composable):
            sql = sql.as_string(self.cursor)
        return super().execute(sql, params)  # type: ignore[misc]


class TextCursorWrapper(_TextStatements, CursorWrapper):
    """The wrapper of each cursor."""


class TextCursorDebugWrapper(_TextStatements, postgresql.CursorDebugWrapper):
    """The wrapper where Django records statements."""
