"""The limiter of rate and concurrency: for each tenant, from many threads, in bounded memory."""

from __future__ import annotations

import gc
from dataclasses import replace
from threading import Barrier, Event, Thread

import pytest
from django.http import FileResponse, HttpResponse, StreamingHttpResponse
from django.test import override_settings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tenants import TenantInfo
from tenants.contrib.limits.counters import LimitKind
from tenants.contrib.limits.limiter import Rejection, RequestLimiter, Slot, Waiter
from tenants.limits import Limits

SHOP = TenantInfo(id=1, slug="a", schema="t_1")


class Clock:
    """Time that passes when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def shop(number: int = 1, **limits: int) -> TenantInfo:
    return replace(SHOP, id=number, limits=Limits(**limits))


def entered(limiter: RequestLimiter, tenant: TenantInfo) -> Slot:
    place = limiter.acquire(tenant)
    assert isinstance(place, Slot)
    return place


def queued(limiter: RequestLimiter, tenant: TenantInfo) -> Waiter:
    answer = limiter.acquire(tenant)
    assert isinstance(answer, Waiter)
    return answer


def test_a_tenant_without_limits_is_not_even_counted() -> None:
    limiter = RequestLimiter()
    for _ in range(1000):
        entered(limiter, SHOP)
    assert len(limiter) == 0


def test_no_more_are_inside_than_may_be_at_once() -> None:
    limiter, tenant = RequestLimiter(), shop(concurrency=2)
    first, _second = entered(limiter, tenant), entered(limiter, tenant)
    assert limiter.acquire(tenant) == Rejection(LimitKind.CONCURRENCY, 1)
    first.release()
    entered(limiter, tenant)
    assert limiter.acquire(tenant) == Rejection(LimitKind.CONCURRENCY, 1)


def test_a_place_is_given_back_once_however_often_it_is_left() -> None:
    limiter, tenant = RequestLimiter(), shop(concurrency=2)
    place, _other = entered(limiter, tenant), entered(limiter, tenant)
    for _ in range(3):
        place.release()
    entered(limiter, tenant)
    assert isinstance(limiter.acquire(tenant), Rejection)


def test_one_tenants_crowd_is_not_anothers() -> None:
    limiter = RequestLimiter()
    entered(limiter, shop(1, concurrency=1, rate=1))
    assert isinstance(limiter.acquire(shop(1, concurrency=1, rate=1)), Rejection)
    entered(limiter, shop(2, concurrency=1, rate=1))


def test_who_waits_in_line_goes_in_by_turns() -> None:
    limiter, tenant = RequestLimiter(), shop(concurrency=1, queue=2)
    place = entered(limiter, tenant)
    woken: list[str] = []
    first, second = queued(limiter, tenant), queued(limiter, tenant)
    first.wake_by(lambda: woken.append("first"))
    second.wake_by(lambda: woken.append("second"))
    assert limiter.acquire(tenant) == Rejection(LimitKind.CONCURRENCY, 1), "the line is full"
    place.release()
    assert woken == ["first"]
    place = first.outcome()  # type: ignore[assignment]
    assert isinstance(place, Slot)
    place.release()
    assert woken == ["first", "second"]
    place = second.outcome()  # type: ignore[assignment]
    assert isinstance(place, Slot)
    place.release()
    entered(limiter, tenant)


def test_who_has_a_place_before_saying_how_to_be_woken_is_woken_at_once() -> None:
    limiter, tenant = RequestLimiter(), shop(concurrency=1, queue=1)
    place = entered(limiter, tenant)
    waiting = queued(limiter, tenant)
    place.release()
    turn = Event()
    waiting.wake_by(turn.set)
    assert turn.is_set()


def test_who_steps_out_of_the_line_leaves_it_to_the_others() -> None:
    limiter, tenant = RequestLimiter(), shop(concurrency=1, queue=2)
    place = entered(limiter, tenant)
    impatient, patient = queued(limiter, tenant), queued(limiter, tenant)
    assert isinstance(impatient.outcome(), Rejection)
    queued(limiter, tenant)
    place.release()
    assert isinstance(patient.outcome(), Slot)


def test_a_burst_may_come_at_once_and_then_so_many_a_second() -> None:
    clock = Clock()
    limiter, tenant = RequestLimiter(clock), shop(rate=2, burst=5)
    for _ in range(5):
        entered(limiter, tenant)
    assert limiter.acquire(tenant) == Rejection(LimitKind.RATE, 1)
    clock.now += 0.5
    entered(limiter, tenant)
    assert limiter.acquire(tenant) == Rejection(LimitKind.RATE, 1)
    clock.now += 3600
    for _ in range(5):
        entered(limiter, tenant)
    assert isinstance(limiter.acquire(tenant), Rejection), "a long quiet time saves up one burst, and no more"


def test_what_is_refused_costs_nothing_of_the_rate() -> None:
    clock = Clock()
    limiter, tenant = RequestLimiter(clock), shop(rate=1)
    entered(limiter, tenant)
    for _ in range(100):
        assert isinstance(limiter.acquire(tenant), Rejection)
    clock.now += 1
    entered(limiter, tenant)


def test_other_limits_hold_from_the_next_request_on() -> None:
    limiter = RequestLimiter(Clock())
    for _ in range(10):
        entered(limiter, shop(rate=10, burst=1000))
    assert isinstance(limiter.acquire(shop(rate=10, burst=1000)), Slot)
    for _ in range(10):
        entered(limiter, shop(rate=10))
    assert isinstance(limiter.acquire(shop(rate=10)), Rejection), "a smaller burst takes away what was saved up"


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(st.tuples(st.floats(0, 10), st.integers(1, 40)), max_size=20), st.integers(1, 20), st.integers(0, 50))
def test_in_no_time_come_more_than_the_burst_and_the_rate_let_in(
    comings: list[tuple[float, int]], rate: int, burst: int
) -> None:
    clock = Clock()
    limiter, tenant = RequestLimiter(clock), shop(rate=rate, burst=burst)
    begun, let_in = clock.now, 0
    for pause, number in comings:
        clock.now += pause
        let_in += sum(isinstance(limiter.acquire(tenant), Slot) for _ in range(number))
        assert let_in <= max(rate, burst) + rate * (clock.now - begun) + 0.001


def test_threads_never_see_more_inside_than_may_be() -> None:
    limiter, tenant = RequestLimiter(), shop(concurrency=3, queue=100)
    start = Barrier(8)
    inside: set[object] = set()
    most: list[int] = []

    def visit() -> None:
        start.wait()
        for _ in range(300):
            answer = limiter.acquire(tenant)
            if isinstance(answer, Waiter):
                turn = Event()
                answer.wake_by(turn.set)
                assert turn.wait(180)
                answer = answer.outcome()
            assert isinstance(answer, Slot)
            inside.add(answer)
            most.append(len(inside))
            inside.discard(answer)
            answer.release()

    threads = [Thread(target=visit) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(most) == 8 * 300
    assert max(most) <= 3
    for _ in range(3):
        entered(limiter, tenant)


def test_a_streamed_body_keeps_the_place_until_it_is_closed(db: None) -> None:
    limiter, tenant = RequestLimiter(), shop(concurrency=1)
    response = StreamingHttpResponse(iter([b"a", b"b"]))
    entered(limiter, tenant).release_with(response)
    assert isinstance(limiter.acquire(tenant), Rejection)
    response.close()
    entered(limiter, tenant)


def test_a_streamed_body_that_is_thrown_away_gives_the_place_back() -> None:
    limiter, tenant = RequestLimiter(), shop(concurrency=1)
    entered(limiter, tenant).release_with(StreamingHttpResponse(iter([b"a"])))
    gc.collect()
    entered(limiter, tenant)


def test_what_is_ready_to_be_sent_keeps_no_place(db: None) -> None:
    limiter, tenant = RequestLimiter(), shop(concurrency=1)
    entered(limiter, tenant).release_with(HttpResponse(b"a"))
    with open(__file__, "rb") as file:  # noqa: PTH123 - as Django's storages open it
        response = FileResponse(file)
        entered(limiter, tenant).release_with(response)
        entered(limiter, tenant)
        response.close()


def test_memory_is_bounded_and_running_requests_stay_counted() -> None:
    with override_settings(TENANTS={"REGISTRY_SIZE": 10}):
        limiter = RequestLimiter()
        entered(limiter, shop(1, concurrency=1))
        for number in range(2, 1000):
            entered(limiter, shop(number, concurrency=1)).release()
        assert len(limiter) == 10
        assert isinstance(limiter.acquire(shop(1, concurrency=1)), Rejection)


@pytest.mark.parametrize("limits", [{"concurrency": 1}, {"rate": 1}])
def test_one_limit_works_without_the_other(limits: dict[str, int]) -> None:
    limiter = RequestLimiter(Clock())
    entered(limiter, shop(**limits))
    assert isinstance(limiter.acquire(shop(**limits)), Rejection)
