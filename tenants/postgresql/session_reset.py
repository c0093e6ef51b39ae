"""What code leaves on a connection, and how it is made what it was: the part of `DatabaseWrapper` that clears."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, cast

from psycopg import Error
from psycopg.pq import TransactionStatus

from tenants.context import active_tenant
from tenants.postgresql.connection_watch import drop_connection, report_change
from tenants.postgresql.psycopg_connection import TenantConnection

if TYPE_CHECKING:
    from django.db.backends.postgresql.base import DatabaseWrapper as Base
else:
    Base = object

logger = logging.getLogger(__name__)


class SessionResetMixin(Base):
    """A connection of Django's whose session is cleared before it serves another request, or another tenant."""

    connection: Any
    """A `TenantConnection`; None: not connected."""

    if TYPE_CHECKING:
        # Missing in django-stubs.
        def _configure_connection(self, connection: Any) -> bool: ...

    def ensure_connection(self) -> None:
        """Connect where there is no connection, or one that is known to be lost outside a transaction."""
        connection = self.connection
        if connection is not None and not self.in_atomic_block and connection.closed:
            self.close()
        super().ensure_connection()

    def needs_reset(self) -> bool:
        """Tell whether the session is not as it was opened, or in a transaction, while Django knows of no block."""
        connection = self.connection
        if connection is None or self.closed_in_transaction:
            return False
        is_ours = connection.autocommit == self.autocommit == self.settings_dict["AUTOCOMMIT"]
        return not connection.is_clean or not is_ours

    def reset_after(self, what: str) -> None:
        """Make the session what it was when it was opened, at the end of `what`; drop it where that cannot be done."""
        connection = self.connection
        if connection is None or connection.closed or not self.needs_reset():
            return
        if connection.pgconn.transaction_status != TransactionStatus.IDLE or not self.autocommit:
            logger.error(
                "%s of %s left a transaction open on the connection %r: it was rolled back, and what it wrote is lost. "
                "Use transaction.atomic() with `with`, or end what BEGIN and set_autocommit(False) have begun.",
                what[:1].upper() + what[1:], active_tenant() or "no tenant", self.alias,
            )  # fmt: skip
        try:
            self.autocommit = True
            self.run_on_commit = []
            self.reset_session()
        except Error as error:
            logger.warning("The connection %r is dropped: its session could not be cleared: %s", self.alias, error)
            drop_connection(self)

    def reset_session(self) -> None:
        """Roll back, and clear what statements have left in the session. Raises psycopg's errors."""
        connection = cast(TenantConnection, self.connection)
        if connection.reset_session():
            self._configure_connection(connection)
        if connection.closed:
            drop_connection(self)
        else:
            connection.autocommit = self.autocommit

    def reconfigure_session(self) -> None:
        """Set again what the session was opened with, after DISCARD ALL."""
        connection = cast(TenantConnection, self.connection)
        self._configure_connection(connection)
        connection.mark_discarded()

    def _close(self) -> None:
        """Give the connection back to the pool as it was opened."""
        connection = self.connection
        if connection is not None and self.pool and not connection.closed and not connection.is_clean:
            try:
                if connection.reset_session():
                    self._configure_connection(connection)
            except Error:
                connection.close()  # the pool opens another one
        super()._close()  # type: ignore[misc]

    def close_if_unusable_or_obsolete(self) -> None:
        """Do what Django does between requests; a connection that is kept is cleared."""
        if not self.in_atomic_block and self.connection is not None and self.needs_reset():
            self.reset_after("A request")
        super().close_if_unusable_or_obsolete()

    def _set_autocommit(self, autocommit: bool) -> None:
        if not autocommit:
            report_change(self)
        super()._set_autocommit(autocommit)  # type: ignore[misc]

    def _savepoint(self, sid: str) -> None:
        report_change(self)
        super()._savepoint(sid)  # type: ignore[misc]
