"""Work that is done after the answer has gone, so that how long it takes tells nothing about what it found."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from threading import BoundedSemaphore
from typing import ParamSpec

from django.db import connections

from tenants.context import current_tenant
from tenants.contrib.limits.limiter import Place, Turnstile
from tenants.limits import Limits

P = ParamSpec("P")

_log = logging.getLogger(__name__)

_WAITING_AT_MOST = 200
"""A flood shall cost neither memory nor the mail server's patience: what is more than this is dropped."""

_OF_ONE_TENANT = 40
"""A flood at one shop shall not have the mails of others dropped."""

_room = BoundedSemaphore(_WAITING_AT_MOST)
_room_of_tenants = Turnstile()
# Two threads: mail servers are slow, and one that hangs shall not keep all others waiting. The interpreter waits for
# what is begun when it ends.
_pool = ThreadPoolExecutor(2, thread_name_prefix="tenants-mail")


def do_later(function: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> bool:
    """Call `function` soon, for the tenant that is active now; return False if there is too much to do already.

    It has no part in the caller's transaction. What it raises is logged.
    """
    place = _room_of_tenants.enter_as(current_tenant().id, Limits(concurrency=_OF_ONE_TENANT))
    if not isinstance(place, Place) or not _room.acquire(blocking=False):
        if isinstance(place, Place):
            place.leave()
        _log.error("Too much is waiting to be done: %s was dropped.", function.__qualname__)
        return False

    def call() -> None:
        try:
            function(*args, **kwargs)
        except Exception:
            _log.exception("%s failed.", function.__qualname__)
        finally:
            connections.close_all()
            place.leave()
            _room.release()

    _pool.submit(copy_context().run, call)
    return True
