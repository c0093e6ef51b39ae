"""Database connection that starts the embedded PostgreSQL when it is first used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tenants.contrib.devserver.cluster import embedded
from tenants.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):
    """The engine's connection, to the server whose data are in the folder `OPTIONS["embedded"]`.

    Without that option it is the engine's own, to the server that HOST names.
    """

    @property
    def _folder(self) -> str:
        return str(self.settings_dict["OPTIONS"].get("embedded") or "")

    def get_connection_params(self) -> dict[str, Any]:
        params = super().get_connection_params()
        params.pop("embedded", None)
        return params

    def start_server(self, *, again: bool = False) -> bool:
        if not self._folder:
            return False
        if again or not self.settings_dict["HOST"]:
            server = embedded(self._folder)
            address = server.start()
            self.settings_dict.update(HOST=address.host, PORT=address.port, USER=address.user)
            if self.settings_dict["NAME"]:
                server.ensure_database(self.settings_dict["NAME"])
        return True

    def bindir(self) -> Path | None:
        return embedded(self._folder).bindir if self._folder else super().bindir()
