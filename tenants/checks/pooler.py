"""The database as it is: is there a pooler between, and what does that take away? Asked by `check --database default`.

`migrate` asks it too. Statements are safe through any pooler; what needs a session of its own is not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import psycopg
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import connections

if TYPE_CHECKING:
    from tenants.postgresql.base import DatabaseWrapper

_TRIES = 3
_GRANTED_TO_ALL = """
SELECT DISTINCT table_name::text FROM information_schema.table_privileges
WHERE table_schema = 'public' AND grantee = 'PUBLIC' ORDER BY 1
"""


@register(Tags.database)
def check_pooler(databases: Sequence[str] | None = None, **_: Any) -> Iterable[CheckMessage]:
    """Find a pooler that gives one session of the server to several clients, where a session is needed."""
    for wrapper in ours(databases):
        if shares_sessions(wrapper.direct_params()):
            yield Error(
                f"Sessions of the database {wrapper.alias!r} are shared by a pooler, and there is no way past it.",
                hint="Set DATABASE_DIRECT_URL (OPTIONS['direct']) to the server itself, for LISTEN and locks.",
                id="tenants.E021",
            )
        is_pooled = shares_sessions(wrapper.get_connection_params())
        if is_pooled and not wrapper.settings_dict.get("DISABLE_SERVER_SIDE_CURSORS"):
            yield Error(
                f"Server-side cursors of the database {wrapper.alias!r} are lost behind its pooler.",
                hint=f"Set DATABASES[{wrapper.alias!r}]['DISABLE_SERVER_SIDE_CURSORS'] = True.",
                id="tenants.E022",
            )


def shares_sessions(params: dict[str, Any]) -> bool:
    """Tell whether two clients that are there at once get one session of the server."""
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
def check_rights(databases: Sequence[str] | None = None, **_: Any) -> Iterable[CheckMessage]:
    """Find tables of the control plane that everybody may use, the tenants' roles included."""
    for wrapper in ours(databases):
        with wrapper.connect_directly() as session:
            tables = [name for (name,) in session.execute(_GRANTED_TO_ALL).fetchall()]
        if tables:
            yield Error(
                f"Every role may use these tables in public: {', '.join(tables)}.",
                hint="REVOKE ALL ON them FROM PUBLIC: tenants' roles may use their own schema alone.",
                id="tenants.E023",
            )


def ours(databases: Sequence[str] | None) -> list[DatabaseWrapper]:
    """Return those of the databases that our engine is used for."""
    from tenants.postgresql.base import DatabaseWrapper

    found = [connections[alias] for alias in databases or ()]
    return [wrapper for wrapper in found if isinstance(wrapper, DatabaseWrapper)]
