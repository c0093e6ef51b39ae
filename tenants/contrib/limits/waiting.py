"""Waiting for a slot of a limiter, on a thread or on an event loop."""

from __future__ import annotations

import asyncio
import threading

from tenants.contrib.limits.limiter import QUEUE_SECONDS, Rejection, Slot, Waiter


def wait(queued: Waiter) -> Slot | Rejection:
    """Wait for a slot, and return it, or the rejection after `QUEUE_SECONDS`."""
    turn = threading.Event()
    queued.wake_by(turn.set)
    try:
        turn.wait(QUEUE_SECONDS)
    except BaseException:
        queued.cancel()
        raise
    return queued.outcome()


async def wait_async(queued: Waiter) -> Slot | Rejection:
    """Wait for a slot on an event loop, and return it, or the rejection after `QUEUE_SECONDS`."""
    loop, turn = asyncio.get_running_loop(), asyncio.Event()
    queued.wake_by(lambda: loop.call_soon_threadsafe(turn.set))
    try:
        await asyncio.wait_for(turn.wait(), QUEUE_SECONDS)
    except TimeoutError:
        pass
    except BaseException:
        queued.cancel()
        raise
    return queued.outcome()
