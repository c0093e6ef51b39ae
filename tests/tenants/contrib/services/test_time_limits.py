"""Time limits that share a timer end what they should, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import uvloop

from tenants.contrib.services.timeouts import TICK, TimeLimits

FOR_EVER = 3_600.0


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Callable[[Coroutine[Any, Any, None]], None]:
    def on_loop(work: Coroutine[Any, Any, None]) -> None:
        with asyncio.Runner(loop_factory=request.param) as runner:
            runner.run(work)

    return on_loop


Run = Callable[[Coroutine[Any, Any, None]], None]


def in_seconds(seconds: float) -> float:
    return asyncio.get_running_loop().time() + seconds


def test_what_takes_too_long_is_a_timeout_and_no_sooner(run: Run) -> None:
    async def wait() -> None:
        began = asyncio.get_running_loop().time()
        with pytest.raises(TimeoutError), TimeLimits().until(began + 0.1):
            await asyncio.sleep(FOR_EVER)
        assert asyncio.get_running_loop().time() >= began + 0.1

    run(wait())


def test_one_ends_and_the_others_go_on(run: Run) -> None:
    async def wait() -> None:
        limits = TimeLimits()

        async def one(seconds: float, takes: float) -> str:
            try:
                with limits.until(in_seconds(seconds)):
                    await asyncio.sleep(takes)
            except TimeoutError:
                return "late"
            return "done"

        patient, hasty = [one(FOR_EVER, 0.3) for _ in range(2)], [one(seconds, FOR_EVER) for seconds in (0, 0.1)]
        ended = await asyncio.gather(patient[0], hasty[0], patient[1], hasty[1])
        assert ended == ["done", "late", "done", "late"]

    run(wait())


def test_it_can_be_put_off_and_pulled_forward(run: Run) -> None:
    async def wait() -> None:
        limits = TimeLimits()
        with limits.until(in_seconds(0.05)) as limit:
            limit.until = in_seconds(FOR_EVER)
            await asyncio.sleep(0.2)
        with pytest.raises(TimeoutError), limits.until(in_seconds(FOR_EVER)) as limit:
            limit.until = in_seconds(0)
            await asyncio.sleep(FOR_EVER)

    run(wait())


def test_who_is_cancelled_is_not_told_of_a_timeout(run: Run) -> None:
    async def wait() -> None:
        limits = TimeLimits()

        async def one(seconds: float) -> None:
            with limits.until(in_seconds(seconds)):
                await asyncio.sleep(FOR_EVER)

        for seconds in (FOR_EVER, 0.0):  # the second is both at once
            task = asyncio.create_task(one(seconds))
            await asyncio.sleep(0)
            task.cancel()
            if not seconds:
                limits._look()
            with pytest.raises(asyncio.CancelledError):
                await task

    run(wait())


def test_an_error_inside_stays_what_it_is_and_one_block_lies_in_another(run: Run) -> None:
    async def wait() -> None:
        limits = TimeLimits()
        with pytest.raises(KeyError), limits.until(in_seconds(FOR_EVER)):
            raise KeyError
        with limits.until(in_seconds(FOR_EVER)):
            with pytest.raises(TimeoutError), limits.until(in_seconds(0)):
                await asyncio.sleep(FOR_EVER)
            await asyncio.sleep(2 * TICK)  # the outer one goes on

    run(wait())


def test_without_limits_nothing_is_looked_through(run: Run) -> None:
    async def wait() -> None:
        limits = TimeLimits()
        with limits.until(in_seconds(FOR_EVER)):
            await asyncio.sleep(0)
        assert limits._is_looking
        for _ in range(100):
            if not limits._is_looking:
                break
            await asyncio.sleep(TICK)
        assert not limits._is_looking
        with pytest.raises(TimeoutError), limits.until(in_seconds(0)):
            await asyncio.sleep(FOR_EVER)

    run(wait())
