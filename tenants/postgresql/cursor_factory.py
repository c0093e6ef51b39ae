"""Cursor factories of projects and instrumentations, combined with `TenantCursor`."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db.backends.postgresql.base import Cursor as DjangoCursor
from psycopg import Cursor

from tenants.postgresql.cursor import TenantCursor

_MIXED = "_sangga_tenant_cursor"


def check_cursor_factory(factory: Any) -> None:
    """Raise `ImproperlyConfigured` for a factory that cannot be combined with `TenantCursor`."""
    if not (isinstance(factory, type) and issubclass(factory, Cursor)):
        raise ImproperlyConfigured(
            f"Connecting failed: cursor_factory={factory!r} in DATABASES OPTIONS is not a subclass of psycopg.Cursor. "
            f"Set it to a subclass of django.db.backends.postgresql.base.Cursor, or remove the option."
        )


def tenant_cursor_class(factory: Any) -> type[TenantCursor]:
    """Return `TenantCursor`, or a subclass of it and of `factory`.

    The factory comes from OPTIONS, or from an instrumentation that wraps `psycopg.connect`.
    """
    if factory is DjangoCursor or factory is Cursor:
        return TenantCursor
    # Kept on the factory: an instrumentation makes one for each connection, and both are freed together.
    mixed: type[TenantCursor] | None = vars(factory).get(_MIXED) if isinstance(factory, type) else None
    if mixed is None:
        check_cursor_factory(factory)
        mixed = type(factory.__name__, (TenantCursor, factory), {"__module__": factory.__module__})
        setattr(factory, _MIXED, mixed)
    return mixed
