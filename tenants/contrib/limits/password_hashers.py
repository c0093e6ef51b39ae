"""Password hashers with limits on concurrency, for a process, a tenant and a client address.

Hashing is expensive by design (Argon2: 100 MB of memory and 0.1 s of a processor), and needs no login.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from contextvars import ContextVar, copy_context
from functools import partial
from typing import Any, TypeVar

from django.contrib.auth import hashers
from django.db import connections
from django.http import HttpRequest

from tenants.context import current_tenant, innermost
from tenants.contrib.limits.errors import HashingBusy
from tenants.contrib.limits.limiter import FullLimit, RequestLimiter, Slot
from tenants.http.client_ip import get_client_ip

MAX_HASHING = max(1, (os.cpu_count() or 1) // 2)
"""Concurrent hashes of one process: half of the processors stay free for pages."""
MAX_OF_TENANT = 3
"""Requests of one tenant, or of the platform, that hash or wait; more are refused."""
MAX_OF_ADDRESS = 2
MAX_OF_PROCESS = 32
RETRY_AFTER = 2
"""Seconds after which a refused login may be tried again."""

_NICE = 19
"""Added to the nice value of threads that hash: a page of another tenant goes first."""

T = TypeVar("T")

_slots = RequestLimiter()
_has_slot: ContextVar[bool] = ContextVar("hashing_slot", default=False)
_is_hashing: ContextVar[bool] = ContextVar("hashing", default=False)


def _yield_to_pages() -> None:
    with suppress(OSError, AttributeError):  # Linux knows it for a thread, other systems for a process alone
        thread = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, thread, min(19, os.getpriority(os.PRIO_PROCESS, thread) + _NICE))


_pool = ThreadPoolExecutor(MAX_HASHING, thread_name_prefix="tenants-hashing", initializer=_yield_to_pages)


@contextmanager
def hashing_slot(request: HttpRequest) -> Iterator[None]:
    """Hold one of the slots of this tenant and client for a view that checks a password, or raise `HashingBusy`.

    Enter it first in the view: a refused request then costs no query. Hashing inside it holds no database connection.
    """
    with _slot_of(get_client_ip(request)):
        token = _has_slot.set(True)
        try:
            yield
        finally:
            _has_slot.reset(token)


def _slot_of(address: str | None) -> Slot:
    tenant = current_tenant()
    slot = _slots.acquire_all(
        {
            ("address", address): 0 if address is None else MAX_OF_ADDRESS,
            ("tenant", tenant.id): MAX_OF_TENANT,
            ("process", None): MAX_OF_PROCESS,
        }
    )
    if isinstance(slot, FullLimit):
        raise HashingBusy(str(tenant) if slot.kind == "tenant" else f"this {slot.kind}", RETRY_AFTER)
    return slot


def hash_within_bounds(work: Callable[[], T]) -> T:
    """Return what `work` returns, run by a hashing thread during a request.

    Commands and workers hash without a limit: strangers cannot start them.
    """
    block = innermost.get()
    if _is_hashing.get() or block is None or block.served is None:
        return work()
    if _has_slot.get():
        _release_connections()
        return _hash(work)
    with _slot_of(None):
        return _hash(work)


def _hash(work: Callable[[], T]) -> T:
    context = copy_context()
    context.run(_is_hashing.set, True)
    return _pool.submit(context.run, work).result()


def _release_connections() -> None:
    """Give the thread's database connections back until the next query, unless a transaction is open on them."""
    for connection in connections.all(initialized_only=True):
        is_free = connection.connection is not None and connection.autocommit and not connection.in_atomic_block
        if is_free and connection.settings_dict["CONN_MAX_AGE"] == 0:
            connection.close()


class _Bounded:
    """Mixin that makes one of Django's password hashers keep the limits."""

    def encode(self, password: str, *args: Any, **options: Any) -> str:
        do: Callable[..., str] = super().encode  # type: ignore[misc]
        return hash_within_bounds(partial(do, password, *args, **options))

    def verify(self, password: str, encoded: str) -> bool:
        do: Callable[..., bool] = super().verify  # type: ignore[misc]
        return hash_within_bounds(partial(do, password, encoded))

    def harden_runtime(self, password: str, encoded: str) -> None:
        """Take as long as a hash with the current parameters would."""
        do: Callable[..., None] = super().harden_runtime  # type: ignore[misc]
        hash_within_bounds(partial(do, password, encoded))


class Argon2PasswordHasher(_Bounded, hashers.Argon2PasswordHasher):
    """Django's, within the bounds."""


class PBKDF2PasswordHasher(_Bounded, hashers.PBKDF2PasswordHasher):
    """Django's, within the bounds."""


class PBKDF2SHA1PasswordHasher(_Bounded, hashers.PBKDF2SHA1PasswordHasher):
    """Django's, within the bounds."""


class ScryptPasswordHasher(_Bounded, hashers.ScryptPasswordHasher):
    """Django's, within the bounds."""
