"""Check of the class of Celery's tasks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from celery import current_app
from django.core.checks import CheckMessage, Tags, register
from django.core.checks import Warning as CheckWarning

from tenants.contrib.celery.task import TenantTask


@register(Tags.compatibility)
def check_task_class(**_: Any) -> Iterable[CheckMessage]:
    if not issubclass(current_app.Task, TenantTask):
        yield CheckWarning(
            f"Tasks of the Celery app {current_app.main!r} fail for suspended tenants, instead of waiting.",
            hint='Pass task_cls="tenants.contrib.celery.task:TenantTask" to Celery(…), and import the app in the '
            "package of the settings, as Celery's documentation says.",
            id="tenants.W013",
        )
