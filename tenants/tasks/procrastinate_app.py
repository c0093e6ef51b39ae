"""procrastinate's application, for code that queues or runs jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.apps import apps

from tenants.errors import ConfigurationError
from tenants.extras import require_extra

if TYPE_CHECKING:
    from procrastinate import App

_APP = "procrastinate.contrib.django"


def procrastinate_app(needed_by: str) -> App:
    """Return the application; raise `MissingExtra` or `ConfigurationError` without procrastinate."""
    require_extra("tasks", needed_by)
    if not apps.is_installed(_APP):
        raise ConfigurationError(
            f"{needed_by} failed: {_APP} is not in INSTALLED_APPS. Add it there and to TENANTS['SHARED_APPS'], and "
            f"tenants.contrib.tasks to INSTALLED_APPS, then run manage.py migrate."
        )
    from procrastinate.contrib.django import app  # only where jobs are used: it takes long to import

    return app
