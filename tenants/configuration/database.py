"""DATABASES and DATABASE_ROUTERS."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from tenants.configuration.report import ProjectSettings
from tenants.errors import ConfigurationError

_ROUTER = "tenants.isolation.router.TenantRouter"
_ENGINE = "tenants.postgresql"
_DEVSERVER = "tenants.contrib.devserver"
_POOL = {"min_size": 0, "max_size": 10, "timeout": 10}
_OF_DJANGO = {"django.db.backends.postgresql", "django.db.backends.postgresql_psycopg2"}
_NAMES = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}


def complete(project: ProjectSettings, url: str) -> None:
    _complete_routers(project)
    databases = {alias: dict(database) for alias, database in (project.get("DATABASES") or {}).items()}
    if url == "embedded":
        databases["default"] = _embedded(project)
    elif url:
        databases["default"] = _from_url(url)
    default = databases.get("default", {})
    engine = str(default.get("ENGINE", ""))
    if engine in _OF_DJANGO:
        default["ENGINE"] = _ENGINE
    elif not url and (not engine or engine.startswith("django.db.backends.")):
        raise ConfigurationError(
            f"tenants.configure failed: DATABASES['default'] is not PostgreSQL ({engine or 'no ENGINE'}). Give "
            f"database_url='postgresql://USER:PASSWORD@HOST:PORT/NAME', or 'embedded' for the server of "
            f"{_DEVSERVER}."
        )
    _complete_pool(default)
    if databases != project.get("DATABASES"):
        project.set("DATABASES", databases, f"ENGINE {default['ENGINE']}")


def _complete_routers(project: ProjectSettings) -> None:
    routers = list(project.get("DATABASE_ROUTERS", ()))
    if not routers:
        project.set("DATABASE_ROUTERS", [_ROUTER])
    elif _ROUTER not in routers:
        project.complete("DATABASE_ROUTERS", [_ROUTER, *routers], f"added {_ROUTER}, first")


def _complete_pool(database: dict[str, Any]) -> None:
    """Have the process keep connections, unless the project has chosen how."""
    options = database["OPTIONS"] = dict(database.get("OPTIONS") or {})
    if "pool" not in options and not database.get("CONN_MAX_AGE"):
        options["pool"] = dict(_POOL)
        database.setdefault("CONN_HEALTH_CHECKS", True)


def _embedded(project: ProjectSettings) -> dict[str, Any]:
    folder = project.get("BASE_DIR")
    if not folder:
        raise ConfigurationError(
            "tenants.configure failed: database_url is 'embedded' and the settings have no BASE_DIR, the folder that "
            "gets the data in .sangga/postgres. Set BASE_DIR."
        )
    apps = list(project.get("INSTALLED_APPS", ()))
    if _DEVSERVER not in apps:
        project.complete("INSTALLED_APPS", [*apps, _DEVSERVER], f"added {_DEVSERVER}")
    options = {"embedded": str(Path(folder) / ".sangga" / "postgres")}
    return {"ENGINE": f"{_DEVSERVER}.postgresql", "NAME": "sangga", "OPTIONS": options}


def _from_url(url: str) -> dict[str, Any]:
    try:
        found = conninfo_to_dict(url)
    except psycopg.ProgrammingError:  # its text can have a part of the password
        found = {}
    if "dbname" not in found or "@" in str(found.get("host", "")):
        raise ConfigurationError(
            "tenants.configure failed: database_url is not a URL of a PostgreSQL database. Set it to "
            "postgresql://USER:PASSWORD@HOST:PORT/NAME and percent-encode special characters of the password: %40 for "
            "@, %2F for /."
        )
    names = {_NAMES[key]: str(value) for key, value in found.items() if key in _NAMES}
    options = {key: value for key, value in found.items() if key not in _NAMES}
    return {"ENGINE": _ENGINE, **names, "OPTIONS": options}
