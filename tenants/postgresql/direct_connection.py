"""Connections past Django's pool and past any pooler, for what needs a session of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import psycopg
from django.db import connections
from psycopg.conninfo import conninfo_to_dict

from tenants.errors import ConfigurationError

if TYPE_CHECKING:
    from tenants.postgresql.base import DatabaseWrapper


_SETTINGS = {"host": "HOST", "port": "PORT", "user": "USER", "password": "PASSWORD", "dbname": "NAME"}


def connect_directly(alias: str = "default") -> psycopg.Connection[Any]:
    """Return a new connection in autocommit mode, with no tenant and no schema in its path; the caller closes it."""
    wrapper = cast("DatabaseWrapper", connections[alias])
    return cast("psycopg.Connection[Any]", wrapper.connect_directly())


def direct_options(options: dict[str, Any]) -> dict[str, Any]:
    """Return what `OPTIONS["direct"]`, a libpq URL, says of the server itself; raise `ConfigurationError`.

    libpq's own errors quote the address, and with it a password that was not quoted as it should be.
    """
    try:
        found = conninfo_to_dict(options.get("direct", ""))
    except psycopg.ProgrammingError:
        found = {"host": "@"}
    hosts, ports = str(found.get("host", "")), str(found.get("port", ""))
    if "@" in hosts or (ports and not ports.replace(",", "").isdecimal()):
        raise ConfigurationError(
            "DATABASE_DIRECT_URL (OPTIONS['direct']) is no address of a PostgreSQL server. It takes "
            "postgresql://USER:PASSWORD@HOST:PORT/NAME, where special characters of the password are percent-encoded: "
            "%40 for @, %2F for /."
        )
    return found


def direct_settings(settings: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of a database with the address of `OPTIONS["direct"]`, and without a pool."""
    direct = direct_options(settings["OPTIONS"])
    address = {_SETTINGS[key]: value for key, value in direct.items() if key in _SETTINGS}
    options = {key: value for key, value in direct.items() if key not in _SETTINGS}
    return {**settings, **address, "OPTIONS": {**settings["OPTIONS"], **options, "pool": False}}
