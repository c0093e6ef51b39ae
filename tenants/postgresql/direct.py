"""Connections past Django's pool and past any pooler, for what needs a session of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import psycopg
from django.db import connections

if TYPE_CHECKING:
    from tenants.postgresql.base import DatabaseWrapper


def connect_directly(alias: str = "default") -> psycopg.Connection[Any]:
    """Return a new connection in autocommit mode, with no tenant and no schema in its path; the caller closes it."""
    wrapper = cast("DatabaseWrapper", connections[alias])
    return cast("psycopg.Connection[Any]", wrapper.connect_directly())
