"""Cursors that send the tenant with the statement, so that a connection never has to remember one.

Outside a transaction, and in the first statement of one, what is sent is a single simple-protocol message::

    SET LOCAL search_path = "t_7", "extensions"; SET LOCAL ROLE "sangga_t_7";
    SELECT …

A tenant with a limit of time for statements has it as a third setting there.

Several statements in one message are one implicit transaction (PostgreSQL, "Multiple Statements in a Simple
Query"), so the two settings end with the statement, or with the transaction it began. Inside a transaction they
are sent again only where the server has forgotten them: after a rollback to a savepoint, or a change of tenant.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from django.core.signals import setting_changed
from psycopg import errors, sql
from psycopg.copy import Copy
from psycopg.pq import TransactionStatus

from tenants.conf import tenancy
from tenants.context import TenantInfo, innermost
from tenants.errors import NoActiveTenant

if TYPE_CHECKING:
    # Of these Django's are subclasses, which django-stubs leaves empty.
    from psycopg import ClientCursor, ServerCursor

    from tenants.postgresql.base import DatabaseWrapper

    Cursor = ClientCursor[Any]
    ServerSideCursor = ServerCursor[Any]
else:
    from django.db.backends.postgresql.base import Cursor, ServerSideCursor

_IDLE, _INTRANS, _INERROR = TransactionStatus.IDLE, TransactionStatus.INTRANS, TransactionStatus.INERROR

PREAMBLE = re.compile(
    r'^SET LOCAL search_path = "(?:[^"]|"")*", "(?:[^"]|"")*"; SET LOCAL ROLE (?:NONE|"(?:[^"]|"")*");'
    r"(?: SET LOCAL statement_timeout = '\d+s';)?\n"
)
"""What `preamble` returns, to be recognised in a text that begins with it."""

# These say what happens to a transaction, and mean the same for every tenant and for none.
_TRANSACTION_CONTROL = re.compile(
    r'(?:SAVEPOINT|RELEASE SAVEPOINT|ROLLBACK TO SAVEPOINT) "?\w+"?|SET CONSTRAINTS ALL (?:IMMEDIATE|DEFERRED)'
)

# After these the server may have other settings than it was told: PostgreSQL's command tags.
_FORGETTING = frozenset(
    {"SET", "RESET", "DISCARD ALL", "BEGIN", "START TRANSACTION", "COMMIT", "ROLLBACK", "DO", "CALL"},
)


@lru_cache(maxsize=4096)
def preamble(schema: str, role: str, seconds: int = 0) -> str:
    """Return the settings that put a statement into `schema` with the rights of `role` (empty: the user's own).

    With `seconds`, statements that take longer are cancelled: this one, and those after it in its transaction.
    """
    limit = f" SET LOCAL statement_timeout = '{seconds:d}s';" if seconds else ""
    # Its own line: PostgreSQL's errors quote the line they are about, which then is the statement's alone.
    return (
        f"SET LOCAL search_path = {search_path(schema)}; SET LOCAL ROLE {_quoted(role) if role else 'NONE'};{limit}\n"
    )


def search_path(schema: str) -> str:
    """Return where a tenant's statements look: its schema, then that of the extensions."""
    return f"{_quoted(schema)}, {_quoted(tenancy().extension_schema)}"


def _reload(*, setting: str, **_: object) -> None:
    if setting == "TENANTS":
        preamble.cache_clear()


setting_changed.connect(_reload, dispatch_uid="tenants.postgresql.cursor")


@lru_cache(maxsize=4096)
def _encoded(text: str) -> bytes:
    return text.encode()


def _quoted(name: str) -> str:
    """Return an SQL identifier: what psycopg's `sql.Identifier` comes to, at a tenth of the cost."""
    if "\0" in name:
        raise ValueError(f"PostgreSQL takes no name with a NUL in it: {name!r}")
    return '"' + name.replace('"', '""') + '"'


class _TenantMixin:
    """What both kinds of cursor share: knowing whether the server has to be told the tenant."""

    if TYPE_CHECKING:
        wrapper: DatabaseWrapper
        connection: Any

    def _tenant_to_tell(self) -> TenantInfo | None:
        """Return the active tenant if the server does not know it; raise `NoActiveTenant` if there is none."""
        block = innermost.get()
        if block is None:
            raise NoActiveTenant
        tenant = block.tenant
        status = self.connection.pgconn.transaction_status
        if status == _IDLE:
            return tenant
        if status == _INERROR:
            return None  # PostgreSQL refuses whatever comes; its own answer is the clearer one
        if status == _INTRANS and ((told := self.wrapper.told) is tenant or told == tenant):
            return None
        return tenant

    def _preamble(self, tenant: TenantInfo) -> str:
        return preamble(tenant.schema, tenant.role or self.wrapper.owner_role, tenant.statement_seconds)

    def _remember(self, tenant: TenantInfo) -> None:
        self.wrapper.told = tenant if self.connection.pgconn.transaction_status == _INTRANS else None

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Tell the server the tenant in a message of its own, for what cannot share one.

        COPY, pipelined and server-side statements are such. Outside a transaction they get one, since the
        settings hold no longer than that.
        """
        tenant = self._tenant_to_tell()
        if tenant is None:
            yield
        elif self.connection.autocommit and self.connection.pgconn.transaction_status == TransactionStatus.IDLE:
            with self.connection.transaction():
                Cursor(self.connection).execute(self._preamble(tenant))
                yield
        else:
            Cursor(self.connection).execute(self._preamble(tenant))
            self._remember(tenant)
            yield


class TenantCursor(_TenantMixin, Cursor):
    """A client-side cursor whose every statement runs as the tenant that is active when it is executed."""

    def __init__(self, wrapper: DatabaseWrapper) -> None:
        super().__init__(wrapper.connection)
        self.wrapper = wrapper
        self._before = b""
        self._settings_sent = 0

    def _execute_send(self, query: Any, *, force_extended: bool = False, binary: bool | None = None) -> None:
        """Send the settings in front of the statement.

        Only here, where parameters are in it already: what psycopg learns of a statement, it remembers by its text
        (128 of them, in the whole process), and that is the same for every tenant.
        """
        if self._before:
            self._query = query
            self._pgconn.send_query(self._before + query.query)
        else:
            super()._execute_send(query, force_extended=force_extended, binary=binary)

    def _set_results(self, results: list[Any]) -> None:
        """Keep the results of the statement alone; each setting has one before it."""
        if self._before and len(results) > self._settings_sent:
            results = results[self._settings_sent :]
        super()._set_results(results)

    def execute(self, query: Any, params: Any = None, **options: Any) -> TenantCursor:
        """Execute `query` as the active tenant; raise `NoActiveTenant` if there is none."""
        if type(query) is not str:
            if isinstance(query, sql.Composable):
                query = query.as_string(self)
            elif isinstance(query, bytes):
                query = query.decode(self.connection.info.encoding)
        if _TRANSACTION_CONTROL.fullmatch(query):
            super().execute(query, params, **options)
            self._notice_forgetting()
            return self
        tenant = self._tenant_to_tell()
        if tenant is None:
            super().execute(query, params, **options)
        else:
            self._execute_telling(tenant, query, params, options)
        self._notice_forgetting()
        return self

    def _execute_telling(self, tenant: TenantInfo, query: str, params: Any, options: dict[str, Any]) -> None:
        alone = self.connection.autocommit and self.connection.pgconn.transaction_status == _IDLE
        self._before = _encoded(self._preamble(tenant))
        self._settings_sent = 3 if tenant.statement_seconds else 2
        try:
            super().execute(query, params, **options)
        except errors.ActiveSqlTransaction:
            # CREATE INDEX CONCURRENTLY, VACUUM and their like refuse any transaction, the implicit one included.
            # PostgreSQL refuses before it does anything, so nothing happens twice; but not behind a BEGIN in `query`.
            if not alone or self.connection.pgconn.transaction_status != _IDLE:
                raise
            self._before = b""
            self.wrapper.execute_outside_transaction(tenant, query, params)
            return
        finally:
            self._before = b""
        self._remember(tenant)

    def _notice_forgetting(self) -> None:
        """Forget what the server was told if any of the statements just sent may have changed it."""
        if self.wrapper.told is None:
            return
        for result in self._results[self._iresult :]:
            if (result.command_status or b"").decode() in _FORGETTING:
                self.wrapper.told = None

    def executemany(self, query: Any, params_seq: Iterable[Any], **options: Any) -> None:
        """Execute `query` once for each of `params_seq`, as psycopg does in a pipeline."""
        with self._told():
            super().executemany(query, params_seq, **options)

    def stream(self, query: Any, params: Any = None, **options: Any) -> Iterator[Any]:
        """Iterate over the rows while PostgreSQL still makes them."""
        with self._told():
            yield from super().stream(query, params, **options)

    @contextmanager
    def copy(self, statement: Any, params: Any = None, **options: Any) -> Iterator[Copy]:
        """Start a COPY as the active tenant."""
        with self._told(), super().copy(statement, params, **options) as copy:
            yield copy


class TenantServerSideCursor(_TenantMixin, ServerSideCursor):
    """A named cursor (`QuerySet.iterator()`); its rows are those of the tenant that was active at `execute()`."""

    def __init__(self, wrapper: DatabaseWrapper, name: str) -> None:
        connection = wrapper.connection
        # As Django: outside a transaction the cursor has to outlive its statement.
        super().__init__(connection, name=name, scrollable=False, withhold=connection.autocommit)
        self.wrapper = wrapper

    def execute(self, query: Any, params: Any = None, **options: Any) -> TenantServerSideCursor:
        """Declare the cursor as the active tenant; raise `NoActiveTenant` if there is none."""
        with self._told():
            super().execute(query, params, **options)
        return self
