"""Which tenant is active: one frozen value in one context variable. Imports no Django models."""

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
    """A foreign application of one tenant, and where it answers."""

    app: str
    """Its factory's name in `TENANTS["MOUNTS"]`."""
    path: str = ""
    """Without slashes at its ends, as `backend`; empty: the tenant's whole host."""
    is_for_staff: bool = True
    options: str = "{}"
    """What the factory gets beside the tenant: keyword arguments, as JSON."""

    @property
    def prefix(self) -> str:
        """What the paths of the application begin with: `/backend`, or nothing."""
        return f"/{self.path}" if self.path else ""

    @property
    def settings(self) -> dict[str, Any]:
        """The options, read."""
        return dict(json.loads(self.options))


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
    api_version: str = ""
    """The version of its API that a request without one gets; empty: the project's default."""
    fingerprint: str = ""
    """How far the schema is migrated, as the control plane has it on record."""
    notice: str = ""
    """What visitors read while the tenant is suspended."""
    bypass: str = field(default="", repr=False)
    """The secret that lets its holder in all the same."""
    cache_generation: int = 0
    """Part of every cache key of the tenant's: another one, and it finds nothing in its cache."""
    epoch: str = field(default="", repr=False)
    """Part of every key of the tenant's (`tenants.isolation.signing`): another one makes void what it has given out."""
    limits: Limits = NO_LIMITS
    """What the tenant may take of the machine while its requests are answered."""
    statement_seconds: int = field(default=0, compare=False)
    """How long PostgreSQL works on one statement before it cancels it; 0: as long as the server's settings let it."""
    mounts: tuple[MountPoint, ...] = ()
    """The applications mounted in it, the longest path first."""
    staff_second_factor: bool = False
    """Whether its staff have to sign in with a second factor."""

    def __str__(self) -> str:
        return self.slug or "the platform"

    @property
    def is_platform(self) -> bool:
        return self.id == 0

    @property
    def exists(self) -> bool:
        """Whether the tenant is there for anybody but operators: not deleted."""
        return self.status in {"active", "suspended"}

    def as_owner(self) -> TenantInfo:
        """Return the same tenant with the rights of the user who owns its tables, as migrations need them."""
        return replace(self, role="", statement_seconds=0)

    def within_limits(self, limits: Limits | None = None) -> TenantInfo:
        """Return the same tenant with its limit of time for statements in force, as the doors for requests need it.

        Commands and jobs act without: what they do may take its time. `limits` are the tenant's, unless given.
        """
        seconds = (limits or self.limits).statement_seconds
        return replace(self, statement_seconds=seconds) if seconds else self


PLATFORM = TenantInfo(id=0, slug="", schema="public", name="Platform")
"""The control plane: schema `public`, the operator's side."""


class Block:
    """One `use_tenant` that was entered, inside those that were entered before it. Its tenant never changes."""

    __slots__ = ("alias", "arithmetic", "labels", "outer", "script_prefix", "served", "tenant", "undo", "urlconf")

    def __init__(self, tenant: TenantInfo, outer: Block | None) -> None:
        self.tenant = tenant
        self.outer = outer
        self.alias = alias_for(DEFAULT_ALIAS, tenant.schema)
        self.labels: frozenset[str] | None = None
        """Of the apps that have tables where the tenant looks; the router finds them out."""
        self.served: Block | None = None if outer is None else outer.served
        """The block of the request that is being answered; None outside requests."""
        self.urlconf: Any = None
        self.script_prefix = ""
        self.undo: list[Callable[[], object]] | None = None
        """Restores process state changed inside (`isolation/patches/process_state.py`). None of these raises."""
        self.arithmetic = decimal.getcontext()
        """Python's decimal context outside the block. Inside there is a copy: what code changes in it ends with it."""


# A ContextVar and not a thread-local: the context follows a request through `await`, `sync_to_async` and tasks.
# A new thread starts without it, and so is refused by the database instead of acting for somebody.
innermost: ContextVar[Block | None] = ContextVar("active_tenant", default=None)


def current_tenant() -> TenantInfo:
    """Return the active tenant, or `PLATFORM`; raise `NoActiveTenant` if there is neither."""
    block = innermost.get()
    if block is None:
        raise NoActiveTenant("This call")
    return block.tenant


def active_tenant() -> TenantInfo | None:
    """Return the active tenant, or None: for logs and keys, which have an answer for "nobody" as well."""
    block = innermost.get()
    return None if block is None else block.tenant


class use_tenant(AbstractContextManager[TenantInfo]):  # noqa: N801  # a verb, like contextlib's own
    """Make `tenant` the active one inside the `with` block, or inside a plain function that this decorates."""

    def __init__(self, tenant: TenantInfo) -> None:
        self._tenant = tenant
        # An object is entered once: its block would be shared by all threads that have it. Taking the one item of a
        # list is one step for all threads.
        self._unused: list[None] = [None]
        self._block: Block

    def __enter__(self) -> TenantInfo:
        try:
            self._unused.pop()
        except IndexError:
            raise RuntimeError(
                "use_tenant failed: this object was entered before. Call use_tenant(…) again for each block."
            ) from None
        self._block = block = Block(self._tenant, innermost.get())
        innermost.set(block)
        decimal.setcontext(block.arithmetic.copy())
        return self._tenant

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        leave(self._block)

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """Decorate a plain function; raise `TypeError` for one whose body would run after the block has ended."""
        if any(runs_later(function) for runs_later in (iscoroutinefunction, isgeneratorfunction, isasyncgenfunction)):
            raise TypeError(
                f"{function.__qualname__} is no plain function: its body would run after the call, as whoever is "
                f"active then. Write `with use_tenant(…):` inside it instead."
            )

        @wraps(function)
        def inside(*args: P.args, **kwargs: P.kwargs) -> R:
            with use_tenant(self._tenant):
                return function(*args, **kwargs)

        return inside


_PLAIN_ARITHMETIC = decimal.Context()
"""As it was when this module was imported: a request begins with it, whatever the thread has become used to."""


def serve(tenant: TenantInfo, urlconf: Any) -> Block:
    """Enter the block of one request; end it with `leave`. What Django keeps per request is the block's own."""
    block = Block(tenant, innermost.get())
    block.served = block
    block.urlconf = urlconf
    block.undo = []
    innermost.set(block)
    decimal.setcontext(_PLAIN_ARITHMETIC.copy())
    return block


def leave(block: Block) -> None:
    """Put back who was active before `block`.

    A generator or coroutine may be closed late, by the garbage collector in the midst of another request for
    example, or in another context than the one it started in. Then its block is none of those that we are
    in, and there is nothing to put back. (A Token would be refused there, or bring an old tenant back.)
    """
    inner = innermost.get()
    while inner is not None and inner is not block:
        inner = inner.outer
    if inner is not None:
        if block.undo:
            undoing, block.undo = block.undo, None
            for undo in reversed(undoing):
                undo()
        innermost.set(block.outer)
        decimal.setcontext(block.arithmetic)
