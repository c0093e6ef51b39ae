"""Session reset: mixin of `DatabaseWrapper` that clears what code left in a session before other code uses it."""

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
    """Resets the session before it serves another request, or another tenant."""

    connection: Any
    """A `TenantConnection`; None: not connected."""
    _is_off_for_block = False
    """Whether `atomic()` has switched autocommit off, and not on again."""

    if TYPE_CHECKING:
        # Missing in django-stubs.
        def _configure_connection(self, connection: Any) -> bool: ...

    def ensure_connection(self) -> None:
        """Connect; replace a connection that was lost outside a transaction."""
        connection = self.connection
        if connection is not None and not self.in_atomic_block:
            if connection.closed:
                self.close()
            elif self._is_off_for_block and not self.autocommit:
                drop_connection(self)  # the end of atomic() failed before it switched autocommit on again
                self._is_off_for_block = False
        super().ensure_connection()

    def needs_reset(self) -> bool:
        """Return whether the session has changed, or is in a transaction that Django does not know."""
        connection = self.connection
        if connection is None or self.closed_in_transaction:
            return False
        is_ours = connection.autocommit == self.autocommit == self.settings_dict["AUTOCOMMIT"]
        return not connection.is_clean or not is_ours

    def reset_after(self, what: str) -> None:
        """Reset the session at the end of the work that the log calls `what`; drop it if that fails."""
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
            logger.warning("Session reset failed on the connection %r, which is dropped: %s", self.alias, error)
            drop_connection(self)

    def reset_session(self) -> None:
        """Roll back, and clear what statements left in the session. Raises psycopg's errors."""
        connection = cast(TenantConnection, self.connection)
        if connection.reset_session():
            self._configure_connection(connection)
        if connection.closed:
            drop_connection(self)
        else:
            connection.autocommit = self.autocommit

    def reconfigure_session(self) -> None:
        """Repeat the settings of a new connection after DISCARD ALL."""
        connection = cast(TenantConnection, self.connection)
        self._configure_connection(connection)
        connection.mark_discarded()

    def _close(self) -> None:
        """Reset the session before the pool takes it back."""
        connection = self.connection
        if connection is not None and self.pool and not connection.closed and not connection.is_clean:
            try:
                if connection.reset_session():
                    self._configure_connection(connection)
            except Error:
                connection.close()  # the pool replaces it
        super()._close()  # type: ignore[misc]

    def close_if_unusable_or_obsolete(self) -> None:
        """Reset a connection that is kept between requests, then do what Django does."""
        if not self.in_atomic_block and self.connection is not None and self.needs_reset():
            self.reset_after("A request")
        super().close_if_unusable_or_obsolete()

    def set_autocommit(self, autocommit: bool, force_begin_transaction_with_broken_autocommit: bool = False) -> None:
        """Do what Django does, and remember whether `atomic()` switched it off, which alone passes the flag."""
        was_off, self._is_off_for_block = self._is_off_for_block, False
        try:
            super().set_autocommit(autocommit, force_begin_transaction_with_broken_autocommit)
        except BaseException:
            self._is_off_for_block = was_off
            raise
        self._is_off_for_block = force_begin_transaction_with_broken_autocommit and not autocommit

    def _set_autocommit(self, autocommit: bool) -> None:
        if not autocommit:
            report_change(self)
        super()._set_autocommit(autocommit)  # type: ignore[misc]

    def _savepoint(self, sid: str) -> None:
        report_change(self)
        super()._savepoint(sid)  # type: ignore[misc]
