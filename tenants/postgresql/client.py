"""Client of `manage.py dbshell`: psql with the search path and role of the active tenant, past any pooler."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, cast

from django.db.backends.postgresql import client

from tenants.context import current_tenant
from tenants.postgresql.direct_connection import direct_settings
from tenants.postgresql.statement_settings import search_path

if TYPE_CHECKING:
    from tenants.postgresql.base import DatabaseWrapper


class DatabaseClient(client.DatabaseClient):
    def runshell(self, parameters: Iterable[str]) -> None:
        connection = cast("DatabaseWrapper", self.connection)
        connection.start_server()
        if folder := connection.bindir():
            os.environ["PATH"] = f"{folder}{os.pathsep}{os.environ.get('PATH', '')}"
        super().runshell(parameters)

    @classmethod
    def settings_to_cmd_args_env(
        cls, settings_dict: dict[str, Any], parameters: Iterable[str]
    ) -> tuple[list[str], dict[str, str] | None]:
        args, env = super().settings_to_cmd_args_env(direct_settings(settings_dict), parameters)
        return args, {**(env or {}), "PGOPTIONS": _options(settings_dict["OPTIONS"])}


def _options(options: dict[str, Any]) -> str:
    """Return PGOPTIONS: settings from the start of a session, so also after `\\connect` in psql."""
    tenant = current_tenant()
    role = tenant.role or options.get("assume_role") or "none"
    given = [os.environ.get("PGOPTIONS", ""), str(options.get("options", ""))]
    chosen = [f"-c search_path={_escaped(search_path(tenant.schema))}", f"-c role={_escaped(role)}"]
    return " ".join(filter(None, [*given, *chosen]))


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace(" ", "\\ ")
