"""Which tenant is active: one frozen value in one context variable. Imports no Django models."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace

from tenants.errors import NoActiveTenant


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantInfo:
    """A tenant as it travels through a request, a job or a command. Can be cached, compared and pickled."""

    id: int
    slug: str
    schema: str
    """The PostgreSQL schema that holds everything the tenant has."""
    role: str = ""
    """The PostgreSQL role whose rights its statements have; empty: those of the connection's own user."""
    name: str = ""
    server: str = "main"
    variant: str = "default"
    status: str = "active"
    language: str = "en"
    currency: str = "KRW"
    time_zone: str = "UTC"
    host: str = ""
    """The primary host name; every other one is sent there."""

    def __str__(self) -> str:
        return self.slug or "the platform"

    @property
    def is_platform(self) -> bool:
        return self.id == 0

    def as_owner(self) -> TenantInfo:
        """Return the same tenant with the rights of the user who owns its tables, as migrations need them."""
        return replace(self, role="")


PLATFORM = TenantInfo(id=0, slug="", schema="public", name="Platform")
"""The control plane: schema `public`, the operator's side."""

# A ContextVar and not a thread-local: the context follows a request through `await`, `sync_to_async` and tasks.
# A new thread starts without it, and so is refused by the database instead of acting for somebody.
_active: ContextVar[TenantInfo | None] = ContextVar("active_tenant", default=None)


def current_tenant() -> TenantInfo:
    """Return the active tenant, or `PLATFORM`; raise `NoActiveTenant` if there is neither."""
    tenant = _active.get()
    if tenant is None:
        raise NoActiveTenant("This call")
    return tenant


def active_tenant() -> TenantInfo | None:
    """Return the active tenant, or None: for logs and keys, which have an answer for "nobody" as well."""
    return _active.get()


@contextmanager
def use_tenant(tenant: TenantInfo) -> Iterator[TenantInfo]:
    """Make `tenant` the active one inside the `with` block, or inside a plain function that this decorates."""
    # The value is kept and put back, and no Token: a generator or coroutine may be closed in another context
    # than the one it started in, where a Token is refused.
    previous = _active.get()
    _active.set(tenant)
    try:
        yield tenant
    finally:
        _active.set(previous)
