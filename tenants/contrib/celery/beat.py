"""Entries of `beat_schedule` that send a task for each tenant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

SENDER = "tenants.contrib.celery.tasks.send_to_tenants"


def tenant_schedule(
    task: str,
    schedule: Any,
    *,
    args: Iterable[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
    tenants: Iterable[str] = (),
    options: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return an entry that sends `task` for every active tenant, or for those with the slugs `tenants`.

    The tenants are those of the moment at which the entry is due. `options` are those of `apply_async`.
    """
    message = {"task": task, "args": list(args), "kwargs": dict(kwargs or {}), "options": dict(options or {})}
    return {"task": SENDER, "schedule": schedule, "kwargs": {**message, "slugs": list(tenants)}}
