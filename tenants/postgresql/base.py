"""Database wrapper of the engine: Django's PostgreSQL connection, with cursors that send the tenant's settings."""

from __future__ import annotations

from contextlib import closing
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

from tenants.context import PLATFORM, TenantInfo, active_tenant, use_tenant
from tenants.postgresql.client import DatabaseClient
from tenants.postgresql.creation import DatabaseCreation
from tenants.postgresql.cursor_factory import check_cursor_factory, tenant_cursor_class
from tenants.postgresql.direct_connection import direct_options
from tenants.postgresql.login_roles import set_owner_role
from tenants.postgresql.on_commit import CommitHooks
from tenants.postgresql.operations import DatabaseOperations
from tenants.postgresql.overload import PoolTimeout
from tenants.postgresql.psycopg_connection import DriverState, TenantConnection, driver
from tenants.postgresql.reachability import reachability_of
from tenants.postgresql.schema import DatabaseSchemaEditor
from tenants.postgresql.server_cursor import TenantServerSideCursor
from tenants.postgresql.session_reset import SessionResetMixin
from tenants.postgresql.statement_settings import preamble
from tenants.postgresql.text_cursor import TextCursorDebugWrapper, TextCursorWrapper


class DatabaseWrapper(SessionResetMixin, postgresql.DatabaseWrapper):
    """A connection to the database, shared by all tenants."""

    client_class = DatabaseClient
    creation_class = DatabaseCreation
    ops_class = DatabaseOperations
    SchemaEditorClass = DatabaseSchemaEditor

    Database = driver
    connection: Any
    """A `TenantConnection`; None: not connected."""
    recording: list[str] | None = None
    """The list to which schema editors append their statements, see `tenants.postgresql.schema.recording`."""

    def __init__(self, settings_dict: dict[str, Any], alias: str = "default") -> None:
        # The router returns a `SchemaAlias`, but the connection is shared by all schemas.
        super().__init__(settings_dict, str(alias))

    @property
    def owner_role(self) -> str:
        """The role that owns schemas and tables; empty: the user who logs in."""
        return str(self.settings_dict["OPTIONS"].get("assume_role") or "")

    # --- Connecting

    @property
    def pool(self) -> Any:
        """Django's pool with `TenantConnection` as its connection class; None without a pool."""
        pool = super().pool
        if pool is not None and pool.connection_class is not TenantConnection:
            if not issubclass(TenantConnection, pool.connection_class):
                raise ImproperlyConfigured(
                    f"Creating the connection pool failed: connection_class is {pool.connection_class.__name__}, and "
                    f"tenants need {TenantConnection.__name__}. Remove connection_class from OPTIONS['pool']."
                )
            pool.connection_class = TenantConnection
        return pool

    def get_connection_params(self) -> dict[str, Any]:
        self.start_server()
        if self.settings_dict["OPTIONS"].get("server_side_binding"):
            raise ImproperlyConfigured(
                "Connecting failed: DATABASES OPTIONS has server_side_binding=True, which sends a statement without "
                "the tenant's settings. Remove the option."
            )
        params: dict[str, Any] = super().get_connection_params()
        params.pop("direct", None)
        check_cursor_factory(params["cursor_factory"])
        return params

    def start_server(self, *, again: bool = False) -> bool:
        """Start the database server if this engine runs one; return whether it does.

        A hook for subclasses such as `tenants.contrib.devserver.postgresql`. It is called before each connection, and
        with `again` after one failed. It writes the address to `settings_dict`.
        """
        return False

    def bindir(self) -> Path | None:
        """Return the folder of PostgreSQL's programs if this engine has one, a hook as well; None: use PATH."""
        return None

    @async_unsafe
    def connect(self) -> None:
        # Receivers of `connection_created` execute queries: `django.contrib.postgres` reads the types of extensions. A
        # thread may connect before it has a tenant; then they run as the control plane.
        if active_tenant() is not None:
            super().connect()
            return
        with use_tenant(PLATFORM):
            super().connect()

    @async_unsafe
    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Open a connection, or take one from the pool; start the server if this engine runs one that died."""
        try:
            connection = self._get_reachable_connection(conn_params)
        except PoolTimeout:
            raise  # the server runs, and all connections are in use
        except OperationalError:
            if not self.start_server(again=True):
                raise
            if pool := self.pool:
                reachability_of(pool).forget()
            connection = self._get_reachable_connection(conn_params)
        connection.initial = DriverState.of(connection)
        connection.wrapper = ref(self)
        return connection

    def _get_reachable_connection(self, conn_params: dict[str, Any]) -> Any:
        """Return a connection; raise `PoolTimeout` only if the server is reachable, else the error of connecting."""
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
        # Django's method takes a connection from the pool, which waits for this method.
        set_owner_role(connection, self.owner_role)
        return bool(self.owner_role)

    def _configure_connection(self, connection: Any) -> bool:
        """Set an empty search path, so that a statement without a tenant's settings finds no table."""
        kept = connection.changed_in, connection.settings_changed
        super()._configure_connection(connection)
        connection.execute("SET search_path = ''")
        connection.changed_in, connection.settings_changed = kept  # these are the settings of a new connection
        return True

    # --- Statements

    @async_unsafe
    def create_cursor(self, name: str | None = None) -> Any:
        """Return a cursor that sends the tenant's settings; a plain one for the maintenance database."""
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

    def make_cursor(self, cursor: Any) -> TextCursorWrapper:
        return TextCursorWrapper(cursor, self)

    def make_debug_cursor(self, cursor: Any) -> TextCursorDebugWrapper:
        return TextCursorDebugWrapper(cursor, self)

    def execute_outside_transaction(self, tenant: TenantInfo, query: str, params: Any) -> list[Any]:
        """Execute a statement that PostgreSQL refuses inside a transaction, and return its results.

        It runs on a connection that is opened for it and closed afterwards. If code has changed the session, for
        example by a temporary table, the statement may need that: then it runs in this session.
        """
        settings = preamble(tenant.schema, tenant.role or self.owner_role, tenant.statement_seconds)
        settings = settings.replace("SET LOCAL", "SET")
        connection = cast(TenantConnection, self.connection)
        if connection.changed_in is None:
            with closing(self.connect_directly()) as direct:
                direct.execute(settings)
                return list(direct.execute(query, params)._results)
        timeout = connection.execute("SELECT current_setting('statement_timeout')").fetchone()
        try:
            connection.execute(settings)
            return list(connection.execute(query, params)._results)
        finally:
            if not connection.closed:
                connection.execute("SELECT set_config('statement_timeout', %s, false)", timeout)
                connection.execute("RESET ROLE")
                self._configure_connection(connection)

    def direct_params(self) -> dict[str, Any]:
        """Return the arguments of `psycopg.connect` for the server itself, if HOST is that of a pooler.

        `OPTIONS["direct"]` is its libpq URL.
        """
        return self.get_connection_params() | direct_options(self.settings_dict["OPTIONS"])

    def connect_directly(self, **other: Any) -> Any:
        """Return a new connection in autocommit mode, past any pool and pooler, for LISTEN and session locks."""
        return self._connect(self.direct_params() | other)

    # --- Transactions

    @property
    def run_on_commit(self) -> CommitHooks:
        """Django's callbacks of `on_commit`. Django assigns an empty list for each transaction."""
        return self._commit_hooks

    @run_on_commit.setter
    def run_on_commit(self, hooks: list[Any]) -> None:
        self._commit_hooks = CommitHooks(list.__iter__(hooks))

    def run_and_clear_commit_hooks(self) -> None:
        """Call each callback as the tenant that registered it, otherwise as Django does."""
        hooks, self.run_on_commit = self.run_on_commit, []
        super().run_and_clear_commit_hooks()  # with an empty list: raises if callbacks must not run now
        for hook in hooks:
            self.run_on_commit = [hook]
            super().run_and_clear_commit_hooks()
