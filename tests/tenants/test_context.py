"""The active tenant: nesting, errors, threads, tasks and generators."""

from __future__ import annotations

import asyncio
import copy
import gc
import pickle
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context, copy_context
from dataclasses import FrozenInstanceError

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from hypothesis import given
from hypothesis import strategies as st

from tenants import PLATFORM, NoActiveTenant, TenantInfo, active_tenant, current_tenant, use_tenant

ACME = TenantInfo(id=1, slug="acme", schema="t_1", role="db_t_1")
GLOBEX = TenantInfo(id=2, slug="globex", schema="t_2")


@pytest.fixture(autouse=True)
def _nobody_before_and_after() -> Iterator[None]:
    assert active_tenant() is None
    yield
    assert active_tenant() is None


# --- The value


def test_a_tenant_is_a_frozen_value_that_travels() -> None:
    assert pickle.loads(pickle.dumps(ACME)) == copy.deepcopy(ACME) == ACME
    assert len({ACME, copy.copy(ACME), GLOBEX}) == 2
    with pytest.raises(FrozenInstanceError):
        ACME.schema = "t_2"  # type: ignore[misc]


def test_the_platform_is_no_tenant() -> None:
    assert PLATFORM.is_platform
    assert not ACME.is_platform
    assert (str(PLATFORM), str(ACME)) == ("the platform", "acme")


def test_as_owner_differs_in_the_role_alone() -> None:
    assert ACME.as_owner().role == ""
    assert ACME.as_owner().schema == ACME.schema
    assert ACME.role == "db_t_1"


# --- The block


def test_no_tenant_is_active_by_default() -> None:
    assert active_tenant() is None
    with pytest.raises(NoActiveTenant, match="none is"):
        current_tenant()


def test_blocks_nest_and_each_puts_back_what_was_before_it() -> None:
    with use_tenant(ACME) as entered:
        assert entered == current_tenant() == active_tenant() == ACME
        with use_tenant(PLATFORM):
            assert current_tenant() is PLATFORM
            with use_tenant(ACME):
                assert current_tenant() == ACME
            assert current_tenant() is PLATFORM
        assert current_tenant() == ACME


@pytest.mark.parametrize(
    "error", [ValueError, KeyboardInterrupt, SystemExit, GeneratorExit, StopIteration, asyncio.CancelledError]
)
def test_any_exception_ends_the_block_and_passes_through(error: type[BaseException]) -> None:
    with use_tenant(GLOBEX):
        with pytest.raises(error), use_tenant(ACME):
            raise error
        assert current_tenant() == GLOBEX


def test_return_break_and_continue_end_the_block() -> None:
    def leave() -> None:
        with use_tenant(ACME):
            return

    leave()
    for turn in range(2):
        assert active_tenant() is None
        with use_tenant(ACME):
            if turn:
                break
            continue


@given(st.lists(st.sampled_from(["enter acme", "enter globex", "exit", "raise"]), max_size=30))
def test_any_properly_nested_order_ends_where_it_began(events: list[str]) -> None:
    stack: list[tuple[TenantInfo, use_tenant]] = []
    for event in events:
        if event.startswith("enter"):
            tenant = ACME if event.endswith("acme") else GLOBEX
            block = use_tenant(tenant)
            block.__enter__()
            stack.append((tenant, block))
        elif stack:
            error = ValueError() if event == "raise" else None
            _, block = stack.pop()
            assert not block.__exit__(type(error) if error else None, error, None)
        assert active_tenant() == (stack[-1][0] if stack else None)
    while stack:
        stack.pop()[1].__exit__(None, None, None)


@given(st.permutations(range(4)))
def test_blocks_left_in_any_order_leave_no_tenant_active(order: list[int]) -> None:
    """What was entered inside a block ends with it: it does not come to life again when it is left late."""
    tenants = [ACME, GLOBEX, PLATFORM, ACME]
    blocks = [use_tenant(tenant) for tenant in tenants]
    for block in blocks:
        block.__enter__()
    alive = len(blocks)
    for index in order:
        blocks[index].__exit__(None, None, None)
        alive = min(alive, index)
        assert active_tenant() == (tenants[alive - 1] if alive else None)
    assert active_tenant() is None


def test_one_block_object_serves_once() -> None:
    """An object that could be entered twice would have to remember two pasts, one of them another thread's."""
    block = use_tenant(ACME)
    with block:
        pass
    with pytest.raises((RuntimeError, AttributeError)), block:
        pytest.fail("entered twice")


# --- The decorator


def test_a_decorated_function_runs_as_the_tenant_and_may_call_itself() -> None:
    @use_tenant(ACME)
    def depth(n: int) -> list[TenantInfo]:
        """Has a docstring."""
        return [current_tenant(), *(depth(n - 1) if n else [])]

    with use_tenant(GLOBEX):
        assert depth(3) == [ACME] * 4
        assert current_tenant() == GLOBEX
    assert depth.__doc__ == "Has a docstring."


def test_a_decorated_function_is_shared_by_threads() -> None:
    """Both are inside at once, and leave in the order in which they came."""
    inside = threading.Barrier(2, timeout=180)
    first_is_out = threading.Event()

    @use_tenant(ACME)
    def work(is_first: bool) -> TenantInfo:
        inside.wait()
        if not is_first:
            assert first_is_out.wait(180)
        return current_tenant()

    def caller(own: TenantInfo, is_first: bool) -> tuple[TenantInfo, TenantInfo | None]:
        with use_tenant(own):
            found = work(is_first)
            first_is_out.set()
            return found, active_tenant()

    with ThreadPoolExecutor(2) as pool:
        one, two = pool.submit(caller, GLOBEX, True), pool.submit(caller, PLATFORM, False)
        assert one.result() == (ACME, GLOBEX)
        assert two.result() == (ACME, PLATFORM)


async def _coroutine() -> None: ...


def _generator() -> Iterator[None]:
    yield


async def _async_generator() -> AsyncIterator[None]:
    yield


@pytest.mark.parametrize("function", [_coroutine, _generator, _async_generator])
def test_what_would_run_after_the_block_cannot_be_decorated(function: Callable[[], object]) -> None:
    """Calling it only creates the coroutine or generator, which would run as the tenant that is active later."""
    with pytest.raises(TypeError, match=rf"{function.__name__}.*with use_tenant"):
        use_tenant(ACME)(function)


# --- Threads


def test_two_threads_keep_their_own_in_any_order_of_enter_and_exit() -> None:
    """Enter A, enter B, exit A, exit B."""
    steps = [threading.Event() for _ in range(4)]
    seen: dict[str, list[TenantInfo | None]] = {"a": [], "b": []}

    def thread_a() -> None:
        with use_tenant(ACME):
            steps[0].set()
            assert steps[1].wait(180)
            seen["a"].append(active_tenant())
        seen["a"].append(active_tenant())
        steps[2].set()

    def thread_b() -> None:
        assert steps[0].wait(180)
        with use_tenant(GLOBEX):
            steps[1].set()
            assert steps[2].wait(180)
            seen["b"].append(active_tenant())
        seen["b"].append(active_tenant())

    with ThreadPoolExecutor(2) as pool:
        for thread in [pool.submit(thread_a), pool.submit(thread_b)]:
            thread.result()
    assert seen == {"a": [ACME, None], "b": [GLOBEX, None]}


def test_a_new_thread_starts_without_a_tenant() -> None:
    with use_tenant(ACME), ThreadPoolExecutor(1) as pool:
        assert pool.submit(active_tenant).result() is None
        with pytest.raises(NoActiveTenant):
            pool.submit(current_tenant).result()


def test_a_thread_that_is_handed_the_context_has_a_copy() -> None:
    def change() -> None:
        assert current_tenant() == ACME
        use_tenant(GLOBEX).__enter__()

    with use_tenant(ACME):
        with ThreadPoolExecutor(1) as pool:
            pool.submit(copy_context().run, change).result()
            assert pool.submit(active_tenant).result() is None
        assert current_tenant() == ACME


# --- Tasks


def test_fifty_tasks_at_once_keep_their_own() -> None:
    async def work(number: int) -> bool:
        own = TenantInfo(id=number, slug=f"s{number}", schema=f"t_{number}")
        with use_tenant(own):
            for _ in range(20):
                await asyncio.sleep(0)
                if current_tenant() != own or await sync_to_async(current_tenant)() != own:
                    return False
        return active_tenant() is None

    async def main() -> list[bool]:
        return await asyncio.gather(*(work(number) for number in range(1, 51)))

    assert asyncio.run(main()) == [True] * 50


def test_a_task_starts_as_its_maker_and_outlives_its_block() -> None:
    async def late(go: asyncio.Event) -> list[TenantInfo | None]:
        await go.wait()
        seen = [active_tenant()]
        with use_tenant(GLOBEX):
            seen.append(active_tenant())
        return [*seen, active_tenant()]

    async def main() -> list[TenantInfo | None]:
        go = asyncio.Event()
        with use_tenant(ACME):
            task = asyncio.create_task(late(go))
        assert active_tenant() is None
        go.set()
        return await task

    assert asyncio.run(main()) == [ACME, GLOBEX, ACME]


def test_a_cancelled_task_leaves_its_block() -> None:
    left: list[TenantInfo | None] = []

    async def work(inside: asyncio.Event) -> None:
        try:
            with use_tenant(ACME):
                inside.set()
                await asyncio.Event().wait()
        finally:
            left.append(active_tenant())

    async def main() -> None:
        inside = asyncio.Event()
        with use_tenant(GLOBEX):
            task = asyncio.create_task(work(inside))
            await inside.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert current_tenant() == GLOBEX

    asyncio.run(main())
    assert left == [GLOBEX]


@pytest.mark.parametrize("thread_sensitive", [True, False])
def test_the_context_crosses_between_sync_and_async(thread_sensitive: bool) -> None:
    def innermost() -> TenantInfo:
        with use_tenant(PLATFORM):
            pass
        return current_tenant()

    async def middle() -> TenantInfo:
        with use_tenant(GLOBEX):
            assert await sync_to_async(innermost, thread_sensitive=thread_sensitive)() == GLOBEX
        return await sync_to_async(innermost, thread_sensitive=thread_sensitive)()

    with use_tenant(ACME):
        assert async_to_sync(middle)() == ACME
        assert current_tenant() == ACME


# --- Generators


def _as_acme() -> Iterator[TenantInfo]:
    with use_tenant(ACME):
        yield current_tenant()
        yield current_tenant()


def test_a_generator_closed_in_its_own_context_puts_back_what_was_before() -> None:
    with use_tenant(GLOBEX):
        for how in ("close", "throw", "run out", "forget"):
            rows = _as_acme()
            assert next(rows) == ACME
            if how == "close":
                rows.close()  # type: ignore[attr-defined]
            elif how == "throw":
                with pytest.raises(KeyError):
                    rows.throw(KeyError)  # type: ignore[attr-defined]
            elif how == "run out":
                list(rows)
            del rows
            assert current_tenant() == GLOBEX


def test_a_generator_closed_in_another_context_changes_nothing_there() -> None:
    rows = Context().run(lambda: (made := _as_acme(), next(made))[0])
    with use_tenant(GLOBEX):
        rows.close()  # type: ignore[attr-defined]
        assert current_tenant() == GLOBEX


def test_a_generator_closed_in_another_thread_changes_nothing_there() -> None:
    """No tenant was active where it began; closing it must not deactivate the tenant of this thread."""
    with ThreadPoolExecutor(1) as pool:
        rows = _as_acme()
        assert pool.submit(next, rows).result() == ACME
        with use_tenant(GLOBEX):
            rows.close()  # type: ignore[attr-defined]
            assert current_tenant() == GLOBEX


def test_generator_left_by_a_request_does_not_change_the_next_request() -> None:
    """The garbage collector closes it whenever it likes; one thread serves one request after the other."""
    cycle: list[object] = []
    with use_tenant(GLOBEX):
        rows = _as_acme()
        next(rows)
        cycle += [rows, cycle]
    assert active_tenant() is None, "the request's end is the end of everything in it"
    del rows
    with use_tenant(PLATFORM):
        del cycle
        gc.collect()
        assert current_tenant() is PLATFORM
    assert active_tenant() is None


def test_async_generator_closed_by_the_event_loop_changes_no_other_context() -> None:
    closed_as: list[TenantInfo | None] = []

    async def rows() -> AsyncIterator[TenantInfo]:
        try:
            with use_tenant(ACME):
                yield current_tenant()
        finally:
            closed_as.append(active_tenant())

    async def begin(made: AsyncIterator[TenantInfo]) -> None:
        assert await anext(made) == ACME

    async def main() -> None:
        made = rows()
        await asyncio.create_task(begin(made))
        with use_tenant(GLOBEX):
            del made
            for _ in range(3):
                await asyncio.sleep(0)
            assert current_tenant() == GLOBEX

    asyncio.run(main())
    assert closed_as == [GLOBEX]
