"""Asking for an operation."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from tenants.audit import current_actor
from tenants.context import PLATFORM, use_tenant
from tenants.models import Operation
from tenants.operations.claims import lock_bookkeeping
from tenants.operations.kinds import KINDS
from tenants.operations.queue import enqueue


def start_operation(kind: str, slug: str = "", **arguments: Any) -> Operation:
    """Have a worker do work of that kind, and return the operation that stands for it.

    Whoever acts now (`tenants.audit.acting_as`) is known as who asked. `arguments` have to be fit for JSON and hold no
    secret. The same work that is asked for while it waits or runs is not done twice: the operation that is there is
    returned. Raises `KeyError` for a kind that there is not.
    """
    if kind not in KINDS:
        raise KeyError(f"There is no operation {kind!r}. There are: {', '.join(sorted(KINDS))}.")
    with use_tenant(PLATFORM), transaction.atomic():
        lock_bookkeeping()
        same = Operation.objects.filter(kind=kind, slug=slug, arguments=arguments, state__in=Operation.UNFINISHED)
        if found := same.first():
            return found
        operation = Operation.objects.create(kind=kind, slug=slug, arguments=arguments, asked_by=current_actor())
        enqueue(operation)
    return operation
