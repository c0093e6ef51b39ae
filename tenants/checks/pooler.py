"""Checks of a connection pooler and of the control plane's privileges: `check --database default`, and `migrate`.

Statements are safe behind any pooler. LISTEN, locks and server-side cursors need a session of the server.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

import psycopg
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import connections

if TYPE_CHECKING:
    from tenants.postgresql.base import DatabaseWrapper

_TRIES = 3
_GRANTED_TO_PUBLIC = """
SELECT DISTINCT table_name::text FROM information_schema.table_privileges
WHERE table_schema = 'public' AND grantee = 'PUBLIC' ORDER BY 1
"""


@register(Tags.database)
def check_pooler(databases: Sequence[str] | None = None, **_: Any) -> Iterable[CheckMessage]:
    for wrapper in tenant_databases(databases):
        if shares_sessions(wrapper.direct_params()):
            yield Error(
                f"A pooler shares the sessions of the database {wrapper.alias!r}, also for LISTEN and locks.",
                hint="Set DATABASE_DIRECT_URL (OPTIONS['direct']) to the address of the server itself.",
                id="tenants.E021",
            )
        is_pooled = shares_sessions(wrapper.get_connection_params())
        if is_pooled and not wrapper.settings_dict.get("DISABLE_SERVER_SIDE_CURSORS"):
            yield Error(
                f"Server-side cursors of the database {wrapper.alias!r} do not work behind its pooler.",
                hint=f"Set DATABASES[{wrapper.alias!r}]['DISABLE_SERVER_SIDE_CURSORS'] = True.",
                id="tenants.E022",
            )


def shares_sessions(params: dict[str, Any]) -> bool:
    """Return whether two connections at the same time get one session of the server."""
    plain = {key: value for key, value in params.items() if key not in {"context", "cursor_factory"}}
    with (
        psycopg.connect(**plain, autocommit=True) as one,
        psycopg.connect(**plain, autocommit=True) as other,
    ):
        return any(_session(one) == _session(other) for _ in range(_TRIES))


def _session(client: psycopg.Connection[Any]) -> int:
    row = client.execute("SELECT pg_backend_pid()").fetchone()
    return int(row[0]) if row else 0


@register(Tags.database)
def check_privileges(databases: Sequence[str] | None = None, **_: Any) -> Iterable[CheckMessage]:
    for wrapper in tenant_databases(databases):
        with closing(wrapper.connect_directly()) as session:
            tables = [name for (name,) in session.execute(_GRANTED_TO_PUBLIC).fetchall()]
        if tables:
            yield Error(
                f"Every role has privileges on these tables in schema public: {', '.join(tables)}.",
                hint="REVOKE ALL ON them FROM PUBLIC: a tenant's role must have rights only on its own schema.",
                id="tenants.E023",
            )


def tenant_databases(aliases: Sequence[str] | None) -> list[DatabaseWrapper]:
    """Return those of the databases that have our engine."""
    from tenants.postgresql.base import DatabaseWrapper

    found = [connections[alias] for alias in aliases or ()]
    return [wrapper for wrapper in found if isinstance(wrapper, DatabaseWrapper)]
