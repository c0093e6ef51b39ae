"""Scheduler of beat with django-celery-beat's tables in the control plane.

`celery beat --scheduler tenants.contrib.celery.schedulers:DatabaseScheduler`, with `django_celery_beat` in SHARED_APPS.
The headers of a periodic task name its tenant: `{"tenant": "acme"}`. Without that, it runs without a tenant.
"""

from __future__ import annotations

from contextvars import Context
from functools import partial, wraps
from typing import Any

from django_celery_beat import schedulers

from tenants.context import PLATFORM, use_tenant


def _as_platform(method: Any) -> Any:
    @wraps(method)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        with use_tenant(PLATFORM):
            return method(self, *args, **kwargs)

    return call


class DatabaseScheduler(schedulers.DatabaseScheduler):
    """Reads and writes its tables as the platform, and sends tasks without a tenant."""

    setup_schedule = _as_platform(schedulers.DatabaseScheduler.setup_schedule)
    sync = _as_platform(schedulers.DatabaseScheduler.sync)
    tick = _as_platform(schedulers.DatabaseScheduler.tick)
    close = _as_platform(schedulers.DatabaseScheduler.close)

    def apply_async(self, entry: Any, producer: Any = None, advance: bool = True, **kwargs: Any) -> Any:
        entry = self.reserve(entry) if advance else entry
        # In a new context no tenant is active, which the message would name.
        return Context().run(partial(super().apply_async, entry, producer, False, **kwargs))
