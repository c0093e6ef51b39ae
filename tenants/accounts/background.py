"""Work that is done after the answer has gone, so that how long it takes tells nothing about what it found."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from threading import BoundedSemaphore
from typing import ParamSpec

from django.db import connections

P = ParamSpec("P")

_log = logging.getLogger(__name__)

_WAITING_AT_MOST = 200
"""A flood shall cost neither memory nor the mail server's patience: what is more than this is dropped."""

_room = BoundedSemaphore(_WAITING_AT_MOST)
# Two threads: mail servers are slow, and one that hangs shall not keep all others waiting. The interpreter waits for
# what is begun when it ends.
_pool = ThreadPoolExecutor(2, thread_name_prefix="tenants-mail")


def do_later(function: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> bool:
    """Call `function` soon, for the tenant that is active now; return False if there is too much to do already.

    It has no part in the caller's transaction. What it raises is logged.
    """
    if not _room.acquire(blocking=False):
        _log.error("Too much is waiting to be done: %s was dropped.", function.__qualname__)
        return False

    def call() -> None:
        try:
            function(*args, **kwargs)
        except Exception:
            _log.exception("%s failed.", function.__qualname__)
        finally:
            connections.close_all()
            _room.release()

    _pool.submit(copy_context().run, call)
    return True
