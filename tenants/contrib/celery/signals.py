"""Receivers of Celery's signals: the header of a message, and the active tenant of a worker while a task runs.

`TenantTask` activates the tenant for the task's code. These receivers also activate it for what Celery does before and
after that code, such as storing the result in a table.
"""

from __future__ import annotations

from typing import Any

from celery import signals

from tenants.context import active_tenant, use_tenant
from tenants.contrib.celery.owner import HEADER, find_owner, header_of

_ATTRIBUTE = "tenant_block"


def connect() -> None:
    signals.before_task_publish.connect(add_header, dispatch_uid="tenants.contrib.celery")
    signals.task_prerun.connect(enter_tenant, dispatch_uid="tenants.contrib.celery")
    signals.task_postrun.connect(leave_tenant, dispatch_uid="tenants.contrib.celery")
    signals.worker_init.connect(replace_consumer, dispatch_uid="tenants.contrib.celery")


def add_header(headers: dict[str, Any], **_: Any) -> None:
    """Name the active tenant in a message whose sender has named none."""
    tenant = active_tenant()
    if tenant is not None:
        headers.setdefault(HEADER, tenant.id)


def enter_tenant(task: Any, **_: Any) -> None:
    request = task.request
    header = header_of(request)
    if header is None or request.is_eager:  # an eager task runs inside the caller's block
        return
    owner = find_owner(header)
    if owner is not None and owner.status == "active":
        block = use_tenant(owner)
        block.__enter__()
        setattr(request, _ATTRIBUTE, block)


def leave_tenant(task: Any, **_: Any) -> None:
    block = getattr(task.request, _ATTRIBUTE, None)
    if block is not None:
        block.__exit__(None, None, None)


def replace_consumer(sender: Any, **_: Any) -> None:
    from tenants.contrib.celery.results import with_results_of_unknown_tasks

    sender.consumer_cls = with_results_of_unknown_tasks(sender.consumer_cls)
