"""Test databases: dropped together with their tenants' roles, in Django's test runner and in pytest."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING, ClassVar, cast

from django.db.backends.postgresql import creation
from psycopg import sql

from tenants.names import role_name

if TYPE_CHECKING:
    from tenants.postgresql.base import DatabaseWrapper

logger = logging.getLogger(__name__)

_OTHERS = "FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"
_LEAVE_SECONDS = 10.0


class DatabaseCreation(creation.DatabaseCreation):
    """Closes this process's connections before a test database is dropped, and drops its roles afterwards."""

    before_drop: ClassVar[list[Callable[[], None]]] = []
    """Functions that close connections of this process other than Django's."""
    put_rows_back: ClassVar[Callable[[], None] | None] = None
    """Replaces `flush` of the control plane, see `tenants.testing.initial_rows`."""

    def _destroy_test_db(self, test_database_name: str, verbosity: int) -> None:
        for leave in self.before_drop:
            leave()
        self.connection.close()
        wrapper = cast("DatabaseWrapper", self.connection)
        wrapper.close_pool()
        wait_until_unused(wrapper, test_database_name)
        super()._destroy_test_db(test_database_name, verbosity)  # type: ignore[misc]  # missing in django-stubs
        drop_roles_of(wrapper, test_database_name)


def wait_until_unused(wrapper: DatabaseWrapper, database: str) -> None:
    """Wait until no session uses a database, since one in use cannot be dropped; end sessions that stay."""
    deadline = time.monotonic() + _LEAVE_SECONDS
    with closing(wrapper.connect_directly(dbname="postgres")) as server:
        while server.execute(f"SELECT count(*) {_OTHERS}", [database]).fetchone() != (0,):
            if time.monotonic() > deadline:
                left = server.execute(f"SELECT pid, query, pg_terminate_backend(pid) {_OTHERS}", [database]).fetchall()
                logger.warning("Sessions of a test are still open and are terminated: %s", left)
                deadline += _LEAVE_SECONDS
            time.sleep(0.05)


def drop_roles_of(wrapper: DatabaseWrapper, database: str) -> None:
    """Drop the roles of a database's tenants. Roles belong to the whole server and outlive the database."""
    prefix = role_name(database, 0).removesuffix("0")
    with closing(wrapper.connect_directly(dbname="postgres")) as server:
        roles = server.execute("SELECT rolname FROM pg_roles WHERE starts_with(rolname, %s)", [prefix]).fetchall()
        for (role,) in roles:
            server.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))
