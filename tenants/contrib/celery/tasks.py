"""Task that sends another task for each tenant. `app.autodiscover_tasks()` finds it."""

from __future__ import annotations

import logging
from typing import Any

from celery import current_app, shared_task

from tenants.contrib.celery.beat import SENDER
from tenants.contrib.celery.owner import HEADER
from tenants.registry.tenant_info import all_tenants

logger = logging.getLogger(__name__)


@shared_task(name=SENDER, ignore_result=True)
def send_to_tenants(
    task: str, args: list[Any], kwargs: dict[str, Any], options: dict[str, Any], slugs: list[str]
) -> None:
    """Send `task` for all active tenants, or for those of `slugs` that are active."""
    found = {tenant.slug: tenant for tenant in all_tenants(status="active")}
    for slug in slugs or found:
        if slug in found:
            headers = {**options.get("headers", {}), HEADER: found[slug].id}
            current_app.send_task(task, args, kwargs, **{**options, "headers": headers})
        else:
            logger.warning("Task %s not sent: tenant %r is missing or not active.", task, slug)
