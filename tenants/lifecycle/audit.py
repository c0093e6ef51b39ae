"""Audit log of actions on tenants, written in the transaction of the action."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from tenants.context import PLATFORM, TenantInfo, use_tenant
from tenants.models import AuditEvent

_operation: ContextVar[int | None] = ContextVar("operation", default=None)
# Set by commands, the admin and jobs; read here, so that the functions between need no such parameter.
_NAME_LENGTH = AuditEvent._meta.get_field("actor").max_length
_actor: ContextVar[str] = ContextVar("actor", default="code")


@contextmanager
def acting_as(who: str, *, operation: int | None = None) -> Iterator[None]:
    """Log actions inside the block as done by `who`, for example "operator kim", for an operation."""
    actor, number = _actor.set(who[:_NAME_LENGTH]), _operation.set(operation)
    try:
        yield
    finally:
        _actor.reset(actor)
        _operation.reset(number)


def current_actor() -> str:
    return _actor.get()


def record(action: str, tenant: TenantInfo, **detail: object) -> None:
    """Log `action` on `tenant`; `detail` must be JSON without secrets."""
    if (operation := _operation.get()) is not None:
        detail["operation"] = operation
    with use_tenant(PLATFORM):
        AuditEvent.objects.create(
            actor=_actor.get(), action=action, tenant_id=tenant.id, slug=tenant.slug, detail=detail
        )
