"""A thread pool for e-mails: they are sent after the response, whose timing thus reveals nothing about the account."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from threading import BoundedSemaphore
from typing import ParamSpec

from django.db import connections

from tenants.context import current_tenant
from tenants.contrib.limits.limiter import RequestLimiter, Slot
from tenants.limits import Limits

P = ParamSpec("P")

_log = logging.getLogger(__name__)

# Calls beyond these numbers are dropped: a flood must not fill the memory, nor a flood in one shop displace the others.
_MAX_QUEUED = 200
_MAX_QUEUED_PER_TENANT = 40

_slots = BoundedSemaphore(_MAX_QUEUED)
_slots_of_tenants = RequestLimiter()
# Two threads, so that one slow mail server does not block all others. The interpreter waits for running calls at exit.
_pool = ThreadPoolExecutor(2, thread_name_prefix="tenants-mail")


def run_in_background(function: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> bool:
    """Queue a call for the active tenant; return False if the queue is full.

    It runs outside the caller's transaction, and its exceptions are logged.
    """
    slot = _slots_of_tenants.acquire_as(current_tenant().id, Limits(concurrency=_MAX_QUEUED_PER_TENANT))
    if not isinstance(slot, Slot) or not _slots.acquire(blocking=False):
        if isinstance(slot, Slot):
            slot.release()
        _log.error("Background call dropped: %s. The queue is full.", function.__qualname__)
        return False

    def call() -> None:
        try:
            function(*args, **kwargs)
        except Exception:
            _log.exception("Background call failed: %s", function.__qualname__)
        finally:
            connections.close_all()
            slot.release()
            _slots.release()

    _pool.submit(copy_context().run, call)
    return True
