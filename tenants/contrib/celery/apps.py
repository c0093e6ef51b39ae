"""App config of tasks: connects Celery's signals."""

from __future__ import annotations

from importlib.util import find_spec

from django.apps import AppConfig

from tenants.errors import ConfigurationError


class CeleryConfig(AppConfig):
    name = "tenants.contrib.celery"
    label = "tenants_celery"

    def ready(self) -> None:
        if find_spec("celery") is None:
            raise ConfigurationError("tenants.contrib.celery failed: celery is not installed. Run: pip install celery")
        from tenants.contrib.celery import checks  # noqa: F401  # registers itself
        from tenants.contrib.celery.signals import connect

        connect()
