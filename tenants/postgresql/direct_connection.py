"""Direct connections past Django's pool and any pooler: an additional one, or one in place of Django's."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import psycopg
from django.db import connections
from psycopg.conninfo import conninfo_to_dict

from tenants.errors import ConfigurationError

if TYPE_CHECKING:
    from tenants.postgresql.base import DatabaseWrapper

_SETTINGS = {"host": "HOST", "port": "PORT", "user": "USER", "password": "PASSWORD", "dbname": "NAME"}


def connect_directly(alias: str = "default") -> psycopg.Connection[Any]:
    """Return a new connection in autocommit mode without a tenant's settings; the caller closes it."""
    wrapper = cast("DatabaseWrapper", connections[alias])
    return cast("psycopg.Connection[Any]", wrapper.connect_directly())


@contextmanager
def dedicated_connection(alias: str = "default") -> Iterator[None]:
    """Replace this thread's connection inside the block by a new one, past any pool and pooler.

    A transaction of the caller stays open meanwhile. It does not see what the block does before the block commits,
    and does not roll it back. Locks and settings of the new session end with the block.
    """
    before = connections[alias]
    dedicated = type(before)(direct_settings(copy.deepcopy(before.settings_dict)), alias)
    connections[alias] = dedicated
    try:
        yield
    finally:
        connections[alias] = before
        dedicated.close()


def direct_options(options: dict[str, Any]) -> dict[str, Any]:
    """Return the connection parameters in `OPTIONS["direct"]`, a libpq URL; raise `ConfigurationError` if malformed.

    The error does not quote the URL, as libpq's does, because a wrongly encoded password can be part of it.
    """
    try:
        found = conninfo_to_dict(options.get("direct", ""))
    except psycopg.ProgrammingError:
        found = {"host": "@"}
    hosts, ports = str(found.get("host", "")), str(found.get("port", ""))
    if "@" in hosts or (ports and not ports.replace(",", "").isdecimal()):
        raise ConfigurationError(
            "Reading DATABASE_DIRECT_URL (OPTIONS['direct']) failed: it is not a URL of a PostgreSQL server. Set it to "
            "postgresql://USER:PASSWORD@HOST:PORT/NAME and percent-encode special characters of the password: %40 for "
            "@, %2F for /."
        )
    return found


def direct_settings(settings: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of a database with the address of `OPTIONS["direct"]`, and without a pool."""
    direct = direct_options(settings["OPTIONS"])
    address = {_SETTINGS[key]: value for key, value in direct.items() if key in _SETTINGS}
    options = {key: value for key, value in direct.items() if key not in _SETTINGS}
    return {**settings, **address, "OPTIONS": {**settings["OPTIONS"], **options, "pool": False}}
