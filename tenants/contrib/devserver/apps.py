"""App config of the development server: the command `embedded_postgres`, and PostgreSQL's programs for backups."""

from __future__ import annotations

from django.apps import AppConfig

from tenants.contrib.devserver.binaries import find_wheel
from tenants.postgresql.programs import bundled_bindirs


class DevServerConfig(AppConfig):
    name = "tenants.contrib.devserver"
    label = "tenants_devserver"

    def ready(self) -> None:
        if find_wheel not in bundled_bindirs:  # tests load the apps again
            bundled_bindirs.append(find_wheel)
