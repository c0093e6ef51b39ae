"""App config of tasks: connects Celery's signals."""

from __future__ import annotations

from django.apps import AppConfig


class CeleryConfig(AppConfig):
    name = "tenants.contrib.celery"
    label = "tenants_celery"

    def ready(self) -> None:
        from tenants.contrib.celery import checks  # noqa: F401  # registers itself
        from tenants.contrib.celery.signals import connect

        connect()
