"""Start of an operation: its row and its job."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from tenants.context import PLATFORM, use_tenant
from tenants.lifecycle.audit import current_actor
from tenants.models import Operation
from tenants.tasks.kinds import KINDS
from tenants.tasks.locks import lock_queue
from tenants.tasks.queue import enqueue


def start_operation(kind: str, slug: str = "", *, tenant_id: int | None = None, **arguments: Any) -> Operation:
    """Queue an operation of this kind for a worker, and return it.

    Its tenant is the one with `slug` now, or `tenant_id`; the slug may change before it runs. An unknown slug is one
    for a new tenant. The argument `slugs` names several. The actor (`tenants.lifecycle.audit.acting_as`) is recorded.
    `arguments` must be JSON without secrets. If the same operation is waiting or running, that one is returned. Raises
    `KeyError` for an unknown kind.
    """
    if kind not in KINDS:
        raise KeyError(f"Unknown operation {kind!r}. Use one of: {', '.join(sorted(KINDS))}.")
    with use_tenant(PLATFORM), transaction.atomic():
        lock_queue()
        operation = Operation(kind=kind, slug=slug, tenant_id=tenant_id, arguments=arguments, asked_by=current_actor())
        operation.name_tenants()
        if found := Operation.objects.filter(**_same(operation), state__in=Operation.UNFINISHED).first():
            return found
        operation.save()
        enqueue(operation)
    return operation


def _same(operation: Operation) -> dict[str, Any]:
    """Return the filter for equal operations; of a known tenant, the slug does not matter.

    A restore over a tenant with a new epoch is not equal: the earlier one will be refused.
    """
    compared = ["kind", "arguments", "release", "tenant_id", "tenant_ids", "purge_after"]
    compared += ["slug"] if operation.tenant_id is None else []
    compared += ["epoch"] if operation.arguments.get("over") else []
    facts = {name: getattr(operation, name) for name in compared}
    known = {name: value for name, value in facts.items() if value is not None}
    return known | {f"{name}__isnull": True for name in facts.keys() - known.keys()}
