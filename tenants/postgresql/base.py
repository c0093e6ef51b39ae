"""The connection: Django's own for PostgreSQL, with cursors that carry the tenant. `ENGINE = "tenants.postgresql"`.

It imports no models: what it needs to know of a tenant is the value in `tenants.context`.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, cast
from weakref import ref

from django.core.exceptions import ImproperlyConfigured
from django.db.backends.base.base import NO_DB_ALIAS
from django.db.backends.postgresql import base as postgresql
from django.db.backends.postgresql.psycopg_any import register_tzloader
from django.utils.asyncio import async_unsafe
from psycopg import OperationalError
from psycopg.pq import Format
from psycopg_pool import PoolTimeout

from tenants.context import PLATFORM, TenantInfo, active_tenant, use_tenant
from tenants.postgresql.client import DatabaseClient
from tenants.postgresql.creation import DatabaseCreation
from tenants.postgresql.cursor_factory import check_cursor_factory, tenant_cursor_class
from tenants.postgresql.direct_connection import direct_options
from tenants.postgresql.login_roles import set_owner_role
from tenants.postgresql.on_commit import CommitHooks
from tenants.postgresql.operations import DatabaseOperations
from tenants.postgresql.psycopg_connection import TenantConnection, driver
from tenants.postgresql.reachability import reachability_of
from tenants.postgresql.schema import DatabaseSchemaEditor
from tenants.postgresql.server_cursor import TenantServerSideCursor
from tenants.postgresql.session_reset import SessionResetMixin
from tenants.postgresql.statement_settings import preamble

logger = logging.getLogger(__name__)


class DatabaseWrapper(SessionResetMixin, postgresql.DatabaseWrapper):
    """A connection to the one database of a server, used for every tenant on it."""

    client_class = DatabaseClient
    creation_class = DatabaseCreation
    ops_class = DatabaseOperations
    SchemaEditorClass = DatabaseSchemaEditor

    Database = driver
    connection: Any
    """A `TenantConnection`; None: not connected."""
    recording: list[str] | None = None
    """Where schema editors write their statements down; None: nowhere."""

    def __init__(self, settings_dict: dict[str, Any], alias: str = "default") -> None:
        # The router's answer carries a schema (`tenants.isolation.instances`); a connection is everybody's.
        super().__init__(settings_dict, str(alias))

    @property
    def owner_role(self) -> str:
        """The role that owns schemas and tables, where that is not the user who logs in."""
        return str(self.settings_dict["OPTIONS"].get("assume_role") or "")

    # --- Connecting

    @property
    def pool(self) -> Any:
        """Django's pool, of connections of ours; None: there is none."""
        pool = super().pool
        if pool is not None and pool.connection_class is not TenantConnection:
            if not issubclass(TenantConnection, pool.connection_class):
                raise ImproperlyConfigured(
                    f"DATABASES OPTIONS has a pool of {pool.connection_class.__name__}, and a tenant needs connections "
                    f"of {TenantConnection.__name__}. Remove connection_class from OPTIONS['pool']."
                )
            pool.connection_class = TenantConnection
        return pool

    def get_connection_params(self) -> dict[str, Any]:
        """Return what `psycopg.connect` takes."""
        self.start_server()
        if self.settings_dict["OPTIONS"].get("server_side_binding"):
            raise ImproperlyConfigured(
                "DATABASES OPTIONS has server_side_binding=True, which sends every statement alone, and the tenant "
                "has to travel with it. Remove the option."
            )
        params: dict[str, Any] = super().get_connection_params()
        params.pop("direct", None)
        check_cursor_factory(params["cursor_factory"])
        return params

    def start_server(self, *, again: bool = False) -> bool:
        """Start the server before it is used, or `again` after it could not be reached; return whether it was.

        A hook for engines that bring a server: it sets HOST and what else `settings_dict` says of the address.
        """
        return False

    def bindir(self) -> Path | None:
        """Return the folder of the server's own programs, a hook like `start_server`; None: see `programs`."""
        return None

    @async_unsafe
    def connect(self) -> None:
        """Connect. Where nobody is active, who is told of it (`connection_created`) may ask as the control plane.

        `django.contrib.postgres` does, for the types of extensions, and a thread may connect before it has a tenant.
        """
        if active_tenant() is not None:
            super().connect()
            return
        with use_tenant(PLATFORM):
            super().connect()

    @async_unsafe
    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Open a connection, or take one from the pool; start a server that is dead and ours to start."""
        try:
            connection = self._get_reachable_connection(conn_params)
        except PoolTimeout:
            raise  # the server is there, and busy
        except OperationalError:
            if not self.start_server(again=True):
                raise
            if pool := self.pool:
                reachability_of(pool).forget()
            connection = self._get_reachable_connection(conn_params)
        connection.default_isolation = connection.isolation_level
        connection.wrapper = ref(self)
        return connection

    def _get_reachable_connection(self, conn_params: dict[str, Any]) -> Any:
        """Return a connection; raise `PoolTimeout` only if the server can be reached, else what connecting raises."""
        pool = self.pool
        if pool is None:
            return super().get_new_connection(conn_params)
        reach = reachability_of(pool)
        if reach.is_unconfirmed:
            reach.check(self._connect, conn_params)
        try:
            return super().get_new_connection(conn_params)
        except PoolTimeout:
            reach.check(self._connect, conn_params)
            raise

    def _connect(self, params: dict[str, Any]) -> Any:
        session = self.Database.connect(**{**params, "autocommit": True})
        try:
            set_owner_role(session, self.owner_role)
        except BaseException:
            session.close()
            raise
        return session

    def _configure_role(self, connection: Any) -> bool:
        # Django's own asks this wrapper for a connection, and so with a pool waits for itself.
        set_owner_role(connection, self.owner_role)
        return bool(self.owner_role)

    def _configure_connection(self, connection: Any) -> bool:
        """Take every schema out of a new connection's own path: a statement without its tenant finds nothing."""
        kept = connection.changed_in, connection.settings_changed
        super()._configure_connection(connection)
        connection.execute("SET search_path = ''")
        connection.changed_in, connection.settings_changed = kept  # these settings are how it is opened
        return True

    # --- Statements

    @async_unsafe
    def create_cursor(self, name: str | None = None) -> Any:
        """Return a cursor that carries the tenant; to the maintenance database, a plain one."""
        if self.alias == NO_DB_ALIAS:
            return super().create_cursor(name)
        if name:
            cursor: Any = TenantServerSideCursor(self, name)
        else:
            cursor = tenant_cursor_class(self.connection.cursor_factory)(self)
        loader = self.connection.adapters.get_loader(postgresql.TIMESTAMPTZ_OID, Format.TEXT)
        if self.timezone != loader.timezone:
            register_tzloader(self.timezone, cursor)
        return cursor

    def execute_outside_transaction(self, tenant: TenantInfo, query: str, params: Any) -> list[Any]:
        """Execute what PostgreSQL refuses inside any transaction, and return its results.

        The tenant is set for a session that is opened for it and ends with the statement. A session in which the code
        has temporary tables or settings is used itself, and then made what it was.
        """
        settings = preamble(tenant.schema, tenant.role or self.owner_role, tenant.statement_seconds)
        settings = settings.replace("SET LOCAL", "SET")
        connection = cast(TenantConnection, self.connection)
        if connection.changed_in is None:
            with self.connect_directly() as own:
                own.execute(settings)
                return list(own.execute(query, params)._results)
        limit = connection.execute("SELECT current_setting('statement_timeout')").fetchone()
        try:
            connection.execute(settings)
            return list(connection.execute(query, params)._results)
        finally:
            if not connection.closed:
                connection.execute("SELECT set_config('statement_timeout', %s, false)", limit)
                connection.execute("RESET ROLE")
                self._configure_connection(connection)

    def direct_params(self) -> dict[str, Any]:
        """Return what `psycopg.connect` takes to reach the server itself.

        `OPTIONS["direct"]`, a libpq URL, names it where HOST is that of a pooler.
        """
        return self.get_connection_params() | direct_options(self.settings_dict["OPTIONS"])

    def connect_directly(self, **other: Any) -> Any:
        """Return a new connection in autocommit mode, past any pool: for LISTEN and for what needs a session."""
        return self._connect(self.direct_params() | other)

    # --- Transactions

    @property
    def run_on_commit(self) -> CommitHooks:
        """What Django calls after the commit; it puts an empty list there for each transaction."""
        return self._commit_hooks

    @run_on_commit.setter
    def run_on_commit(self, hooks: list[Any]) -> None:
        self._commit_hooks = CommitHooks(list.__iter__(hooks))

    def run_and_clear_commit_hooks(self) -> None:
        """Call what was registered with `on_commit`, each callback as its tenant, by Django's own rules."""
        hooks, self.run_on_commit = self.run_on_commit, []
        super().run_and_clear_commit_hooks()  # there is none to call: it looks whether this is a moment to call any
        for hook in hooks:
            self.run_on_commit = [hook]
            super().run_and_clear_commit_hooks()
