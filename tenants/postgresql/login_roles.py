"""Login roles and the owner role, `OPTIONS["assume_role"]`, which owns all schemas and tables.

Several logins can be members of the owner role: one for migrations and others for requests, or a new one each month.
The tenants' roles are granted to the owner role, and so to its members.
"""

from __future__ import annotations

from typing import Any

from psycopg import errors, sql

from tenants.errors import ConfigurationError
from tenants.names import role_name
from tenants.postgresql.overload import first_line

_OUT_OF_REACH = """
SELECT rolname FROM pg_roles
WHERE starts_with(rolname, %(prefix)s) AND substr(rolname, length(%(prefix)s) + 1) ~ '^[0-9]+$'
AND NOT pg_has_role(coalesce(nullif(%(owner)s, ''), session_user), oid, %(right)s) LIMIT 1
"""
_CONTROL_PLANE_OUT_OF_REACH = """
SELECT NOT (has_table_privilege(who, oid, 'SELECT') AND has_table_privilege(who, oid, 'UPDATE'))
FROM pg_class, coalesce(nullif(%(owner)s, ''), session_user) who WHERE oid = to_regclass('public.tenants_tenant')
"""


def set_owner_role(session: Any, owner: str) -> None:
    """Set the owner role in a new session; raise `ConfigurationError` if the login is not a member of it."""
    if not owner:
        return
    try:
        session.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(owner)))
    except (errors.InsufficientPrivilege, errors.InvalidParameterValue) as error:
        login = session.info.user
        raise ConfigurationError(
            f"SET ROLE {owner!r} (assume_role) failed for the login {login!r}: {first_line(error)}. "
            f'Run as an administrator of the database: GRANT "{owner}" TO "{login}".'
        ) from error


def missing_privileges(session: Any, owner: str) -> str:
    """Return a description of a privilege that the owner, or else the login, lacks; empty if none is missing."""
    with session.cursor() as cursor:
        row = cursor.execute("SELECT current_database(), session_user").fetchone()
        name, who = row[0], owner or row[1]
        facts = {
            "prefix": role_name(name, 0).removesuffix("0"),
            "owner": owner,
            "right": "SET" if session.info.server_version >= 160000 else "MEMBER",
        }
        found = cursor.execute(_OUT_OF_REACH, facts).fetchone()
        if found:
            return f"{who!r} may not act as {found[0]!r}, the role of a tenant"
        if cursor.execute(_CONTROL_PLANE_OUT_OF_REACH, facts).fetchone() == (True,):
            return f"{who!r} may not read and write the control plane's table tenants_tenant"
    return ""
