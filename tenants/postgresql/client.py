"""`manage.py dbshell`: Django's own, after the embedded PostgreSQL has been started."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

from django.db.backends.postgresql import client

from tenants.postgresql.embedded import embedded

if TYPE_CHECKING:
    from tenants.postgresql.base import DatabaseWrapper


class DatabaseClient(client.DatabaseClient):
    """Runs psql against the database in use."""

    def runshell(self, parameters: Iterable[str]) -> None:
        """Start psql; the embedded PostgreSQL brings its own, so none need be installed."""
        connection = cast("DatabaseWrapper", self.connection)
        if connection.start_embedded():
            folder = connection.settings_dict["OPTIONS"]["embedded"]
            os.environ["PATH"] = f"{embedded(folder).bindir}{os.pathsep}{os.environ.get('PATH', '')}"
        super().runshell(parameters)
