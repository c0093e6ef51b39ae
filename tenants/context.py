"""The active tenant: a frozen value in a context variable. Imports no Django models."""

from __future__ import annotations

import decimal
import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from functools import wraps
from inspect import isasyncgenfunction, iscoroutinefunction, isgeneratorfunction
from types import TracebackType
from typing import Any, ParamSpec, TypeVar

from tenants.errors import NoActiveTenant
from tenants.limits import NO_LIMITS, Limits
from tenants.schema_alias import DEFAULT_ALIAS, alias_for

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True)
class MountPoint:
    """An application that a tenant has mounted under a path."""

    app: str
    """The name of its factory in `TENANTS["MOUNTS"]`."""
    path: str = ""
    """Without slashes at its ends, such as `backend`; empty: the tenant's whole host."""
    is_for_staff: bool = True
    options: str = "{}"
    """Keyword arguments for the factory, as JSON."""

    @property
    def prefix(self) -> str:
        """The beginning of the application's paths: `/backend`, or empty."""
        return f"/{self.path}" if self.path else ""

    @property
    def settings(self) -> dict[str, Any]:
        return dict(json.loads(self.options))


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantInfo:
    """A tenant in a request, job or command. Can be cached, compared and pickled."""

    id: int
    slug: str
    schema: str
    """The PostgreSQL schema with the tenant's tables."""
    role: str = ""
    """The PostgreSQL role of its statements; empty: the connection's login."""
    name: str = ""
    server: str = "main"
    variant: str = "default"
    status: str = "active"
    language: str = "en"
    currency: str = "KRW"
    time_zone: str = "UTC"
    host: str = ""
    """The primary host name; requests to others are redirected to it."""
    api_version: str = ""
    """The API version of requests that name none; empty: the project's default."""
    fingerprint: str = ""
    """Checksum of the applied migrations, as recorded in the control plane."""
    notice: str = ""
    """Text for visitors while the tenant is suspended."""
    bypass: str = field(default="", repr=False)
    """Secret that gives access to a suspended tenant."""
    cache_generation: int = 0
    """Part of all cache keys of the tenant: a new number clears its cache."""
    epoch: str = field(default="", repr=False)
    """Part of all keys of the tenant (`tenants.isolation.signing`): a new value revokes what they have signed."""
    limits: Limits = NO_LIMITS
    """Limits of its requests."""
    statement_seconds: int = field(default=0, compare=False)
    """PostgreSQL's `statement_timeout`; 0: that of the server's settings."""
    mounts: tuple[MountPoint, ...] = ()
    """The longest path first."""
    staff_second_factor: bool = False
    """Whether its staff need two-factor authentication."""

    def __str__(self) -> str:
        return self.slug or "the platform"

    @property
    def is_platform(self) -> bool:
        return self.id == 0

    @property
    def exists(self) -> bool:
        """Whether the tenant is not deleted."""
        return self.status in {"active", "suspended"}

    def as_owner(self) -> TenantInfo:
        """Return the tenant with the rights of the owner of its tables, for migrations."""
        return replace(self, role="", statement_seconds=0)

    def within_limits(self, limits: Limits | None = None) -> TenantInfo:
        """Return the tenant with the statement timeout of its limits, or of `limits`.

        For requests; statements of commands and jobs have no such limit.
        """
        seconds = (limits or self.limits).statement_seconds
        return replace(self, statement_seconds=seconds) if seconds else self


PLATFORM = TenantInfo(id=0, slug="", schema="public", name="Platform")
"""The control plane: schema `public`, for operators."""


class Block:
    """One `with use_tenant(…)`, inside an outer one. Its tenant never changes."""

    __slots__ = ("alias", "decimal_context", "labels", "outer", "script_prefix", "served", "tenant", "undo", "urlconf")

    def __init__(self, tenant: TenantInfo, outer: Block | None) -> None:
        self.tenant = tenant
        self.outer = outer
        self.alias = alias_for(DEFAULT_ALIAS, tenant.schema)
        self.labels: frozenset[str] | None = None
        """Labels of the apps with tables in the tenant's schema; the router sets them."""
        self.served: Block | None = None if outer is None else outer.served
        """The block of the current request; None outside requests."""
        self.urlconf: Any = None
        self.script_prefix = ""
        self.undo: list[Callable[[], object]] | None = None
        """Functions that restore process state (`isolation/patches/process_state.py`). They do not raise."""
        self.decimal_context = decimal.getcontext()
        """Python's decimal context outside the block; inside there is a copy."""


# A ContextVar and not a thread-local: the context follows a request through `await`, `sync_to_async` and tasks.
# A new thread starts without a tenant, and the database refuses its statements.
innermost: ContextVar[Block | None] = ContextVar("active_tenant", default=None)


def current_tenant() -> TenantInfo:
    """Return the active tenant, which may be `PLATFORM`; raise `NoActiveTenant` without one."""
    block = innermost.get()
    if block is None:
        raise NoActiveTenant("This call")
    return block.tenant


def active_tenant() -> TenantInfo | None:
    """Return the active tenant, or None. For logs and keys, which have a value for "none" too."""
    block = innermost.get()
    return None if block is None else block.tenant


class use_tenant(AbstractContextManager[TenantInfo]):  # noqa: N801  # a verb, like contextlib's own
    """Make a tenant active inside a `with` block, or inside a decorated function."""

    def __init__(self, tenant: TenantInfo) -> None:
        self._tenant = tenant
        # An object can be entered only once, because threads that share it would share its block. Popping the one item
        # of a list is atomic.
        self._unused: list[None] = [None]
        self._block: Block

    def __enter__(self) -> TenantInfo:
        try:
            self._unused.pop()
        except IndexError:
            raise RuntimeError(
                "use_tenant failed: this object was already entered. Call use_tenant(…) again for each block."
            ) from None
        self._block = block = Block(self._tenant, innermost.get())
        innermost.set(block)
        decimal.setcontext(block.decimal_context.copy())
        return self._tenant

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        leave(self._block)

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """Decorate a function; raise `TypeError` for coroutines and generators, whose body runs after the block."""
        if any(runs_later(function) for runs_later in (iscoroutinefunction, isgeneratorfunction, isasyncgenfunction)):
            raise TypeError(
                f"use_tenant cannot decorate {function.__qualname__}: a coroutine or generator runs after the call, "
                f"when another tenant may be active. Write `with use_tenant(…):` inside it instead."
            )

        @wraps(function)
        def inside(*args: P.args, **kwargs: P.kwargs) -> R:
            with use_tenant(self._tenant):
                return function(*args, **kwargs)

        return inside


_DECIMAL_CONTEXT = decimal.Context()
"""The decimal context of each new request."""


def serve(tenant: TenantInfo, urlconf: Any) -> Block:
    """Enter the block of one request; `leave` ends it. Django's state of the request belongs to the block."""
    block = Block(tenant, innermost.get())
    block.served = block
    block.urlconf = urlconf
    block.undo = []
    innermost.set(block)
    decimal.setcontext(_DECIMAL_CONTEXT.copy())
    return block


def leave(block: Block) -> None:
    """Make the tenant outside of `block` active again."""
    # The garbage collector may close a generator or coroutine late, during another request or in another context. Its
    # block is then none of the current ones, and there is nothing to restore. (A Token of the ContextVar would raise
    # there, or restore an old tenant.)
    inner = innermost.get()
    while inner is not None and inner is not block:
        inner = inner.outer
    if inner is not None:
        if block.undo:
            undoing, block.undo = block.undo, None
            for undo in reversed(undoing):
                undo()
        innermost.set(block.outer)
        decimal.setcontext(block.decimal_context)
