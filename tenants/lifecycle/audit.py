"""Who did what to which tenant, and when: written in the transaction that does it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from tenants.context import PLATFORM, TenantInfo, use_tenant
from tenants.models import AuditEvent

_operation: ContextVar[int | None] = ContextVar("operation", default=None)
# Set by the doors (commands, admin, jobs), read by the functions behind them, which so need no such argument each.
_actor: ContextVar[str] = ContextVar("actor", default="code")


@contextmanager
def acting_as(who: str, *, operation: int | None = None) -> Iterator[None]:
    """Let what is done inside the block be known as done by `who`, for example "operator kim", and for an operation."""
    before, operation_before = _actor.get(), _operation.get()
    _actor.set(who)
    _operation.set(operation)
    try:
        yield
    finally:
        _actor.set(before)
        _operation.set(operation_before)


def current_actor() -> str:
    """Return who acts now, as the log knows them."""
    return _actor.get()


def record(action: str, tenant: TenantInfo, **detail: object) -> None:
    """Write down that `action` is done to `tenant`; `detail` has to be fit for JSON and hold no secret."""
    if (operation := _operation.get()) is not None:
        detail["operation"] = operation
    with use_tenant(PLATFORM):
        AuditEvent.objects.create(
            actor=_actor.get(), action=action, tenant_id=tenant.id, slug=tenant.slug, detail=detail
        )
