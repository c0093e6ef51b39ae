"""Asking for an operation."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from tenants.context import PLATFORM, use_tenant
from tenants.lifecycle.audit import current_actor
from tenants.models import Operation
from tenants.tasks.kinds import KINDS
from tenants.tasks.locks import lock_bookkeeping
from tenants.tasks.queue import enqueue


def start_operation(kind: str, slug: str = "", *, tenant_id: int | None = None, **arguments: Any) -> Operation:
    """Have a worker do work of that kind, and return the operation that stands for it.

    It is about the tenant that has `slug` now, or about the one of `tenant_id`, whichever slug that has when it is
    done; a slug that names none is one for a new tenant. Likewise the argument `slugs`, of several.
    The actor (`tenants.lifecycle.audit.acting_as`) is known as who asked. `arguments` have to be fit for JSON and hold
    no secret. The same work that is asked for while it waits or runs is not done twice: the operation that is there is
    returned. Raises `KeyError` for a kind that there is not.
    """
    if kind not in KINDS:
        raise KeyError(f"There is no operation {kind!r}. There are: {', '.join(sorted(KINDS))}.")
    with use_tenant(PLATFORM), transaction.atomic():
        lock_bookkeeping()
        operation = Operation(kind=kind, slug=slug, tenant_id=tenant_id, arguments=arguments, asked_by=current_actor())
        operation.name_tenants()
        if found := Operation.objects.filter(**_same(operation), state__in=Operation.UNFINISHED).first():
            return found
        operation.save()
        enqueue(operation)
    return operation


def _same(operation: Operation) -> dict[str, Any]:
    """Return the filter for operations that are the same: of a known tenant, whichever slug it had then.

    What replaces a tenant is another operation after a new epoch: the one before it is refused.
    """
    compared = ["kind", "arguments", "release", "tenant_id", "tenant_ids", "purge_after"]
    compared += ["slug"] if operation.tenant_id is None else []
    compared += ["epoch"] if operation.arguments.get("over") else []
    facts = {name: getattr(operation, name) for name in compared}
    known = {name: value for name, value in facts.items() if value is not None}
    return known | {f"{name}__isnull": True for name in facts.keys() - known.keys()}
