"""So many requests a second and so many at once, tenant by tenant, from any number of threads, in bounded memory."""

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
from tenants.contrib.limits.counters import Kind
from tenants.contrib.limits.limiter import Place, Queued, Refusal, Turnstile
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


def entered(turnstile: Turnstile, tenant: TenantInfo) -> Place:
    place = turnstile.enter(tenant)
    assert isinstance(place, Place)
    return place


def queued(turnstile: Turnstile, tenant: TenantInfo) -> Queued:
    answer = turnstile.enter(tenant)
    assert isinstance(answer, Queued)
    return answer


def test_a_tenant_without_limits_is_not_even_counted() -> None:
    turnstile = Turnstile()
    for _ in range(1000):
        entered(turnstile, SHOP)
    assert len(turnstile) == 0


def test_no_more_are_inside_than_may_be_at_once() -> None:
    turnstile, tenant = Turnstile(), shop(concurrency=2)
    first, _second = entered(turnstile, tenant), entered(turnstile, tenant)
    assert turnstile.enter(tenant) == Refusal(Kind.CONCURRENCY, 1)
    first.leave()
    entered(turnstile, tenant)
    assert turnstile.enter(tenant) == Refusal(Kind.CONCURRENCY, 1)


def test_a_place_is_given_back_once_however_often_it_is_left() -> None:
    turnstile, tenant = Turnstile(), shop(concurrency=2)
    place, _other = entered(turnstile, tenant), entered(turnstile, tenant)
    for _ in range(3):
        place.leave()
    entered(turnstile, tenant)
    assert isinstance(turnstile.enter(tenant), Refusal)


def test_one_tenants_crowd_is_not_anothers() -> None:
    turnstile = Turnstile()
    entered(turnstile, shop(1, concurrency=1, rate=1))
    assert isinstance(turnstile.enter(shop(1, concurrency=1, rate=1)), Refusal)
    entered(turnstile, shop(2, concurrency=1, rate=1))


def test_who_waits_in_line_goes_in_by_turns() -> None:
    turnstile, tenant = Turnstile(), shop(concurrency=1, queue=2)
    place = entered(turnstile, tenant)
    woken: list[str] = []
    first, second = queued(turnstile, tenant), queued(turnstile, tenant)
    first.wake_by(lambda: woken.append("first"))
    second.wake_by(lambda: woken.append("second"))
    assert turnstile.enter(tenant) == Refusal(Kind.CONCURRENCY, 1), "the line is full"
    place.leave()
    assert woken == ["first"]
    place = first.outcome()  # type: ignore[assignment]
    assert isinstance(place, Place)
    place.leave()
    assert woken == ["first", "second"]
    place = second.outcome()  # type: ignore[assignment]
    assert isinstance(place, Place)
    place.leave()
    entered(turnstile, tenant)


def test_who_has_a_place_before_saying_how_to_be_woken_is_woken_at_once() -> None:
    turnstile, tenant = Turnstile(), shop(concurrency=1, queue=1)
    place = entered(turnstile, tenant)
    waiting = queued(turnstile, tenant)
    place.leave()
    turn = Event()
    waiting.wake_by(turn.set)
    assert turn.is_set()


def test_who_steps_out_of_the_line_leaves_it_to_the_others() -> None:
    turnstile, tenant = Turnstile(), shop(concurrency=1, queue=2)
    place = entered(turnstile, tenant)
    impatient, patient = queued(turnstile, tenant), queued(turnstile, tenant)
    assert isinstance(impatient.outcome(), Refusal)
    queued(turnstile, tenant)
    place.leave()
    assert isinstance(patient.outcome(), Place)


def test_a_burst_may_come_at_once_and_then_so_many_a_second() -> None:
    clock = Clock()
    turnstile, tenant = Turnstile(clock), shop(rate=2, burst=5)
    for _ in range(5):
        entered(turnstile, tenant)
    assert turnstile.enter(tenant) == Refusal(Kind.RATE, 1)
    clock.now += 0.5
    entered(turnstile, tenant)
    assert turnstile.enter(tenant) == Refusal(Kind.RATE, 1)
    clock.now += 3600
    for _ in range(5):
        entered(turnstile, tenant)
    assert isinstance(turnstile.enter(tenant), Refusal), "a long quiet time saves up one burst, and no more"


def test_what_is_refused_costs_nothing_of_the_rate() -> None:
    clock = Clock()
    turnstile, tenant = Turnstile(clock), shop(rate=1)
    entered(turnstile, tenant)
    for _ in range(100):
        assert isinstance(turnstile.enter(tenant), Refusal)
    clock.now += 1
    entered(turnstile, tenant)


def test_other_limits_hold_from_the_next_request_on() -> None:
    turnstile = Turnstile(Clock())
    for _ in range(10):
        entered(turnstile, shop(rate=10, burst=1000))
    assert isinstance(turnstile.enter(shop(rate=10, burst=1000)), Place)
    for _ in range(10):
        entered(turnstile, shop(rate=10))
    assert isinstance(turnstile.enter(shop(rate=10)), Refusal), "a smaller burst takes away what was saved up"


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(st.tuples(st.floats(0, 10), st.integers(1, 40)), max_size=20), st.integers(1, 20), st.integers(0, 50))
def test_in_no_time_come_more_than_the_burst_and_the_rate_let_in(
    comings: list[tuple[float, int]], rate: int, burst: int
) -> None:
    clock = Clock()
    turnstile, tenant = Turnstile(clock), shop(rate=rate, burst=burst)
    begun, let_in = clock.now, 0
    for pause, number in comings:
        clock.now += pause
        let_in += sum(isinstance(turnstile.enter(tenant), Place) for _ in range(number))
        assert let_in <= max(rate, burst) + rate * (clock.now - begun) + 0.001


def test_threads_never_see_more_inside_than_may_be() -> None:
    turnstile, tenant = Turnstile(), shop(concurrency=3, queue=100)
    start = Barrier(8)
    inside: set[object] = set()
    most: list[int] = []

    def visit() -> None:
        start.wait()
        for _ in range(300):
            answer = turnstile.enter(tenant)
            if isinstance(answer, Queued):
                turn = Event()
                answer.wake_by(turn.set)
                assert turn.wait(180)
                answer = answer.outcome()
            assert isinstance(answer, Place)
            inside.add(answer)
            most.append(len(inside))
            inside.discard(answer)
            answer.leave()

    threads = [Thread(target=visit) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(most) == 8 * 300
    assert max(most) <= 3
    for _ in range(3):
        entered(turnstile, tenant)


def test_a_streamed_body_keeps_the_place_until_it_is_closed(db: None) -> None:
    turnstile, tenant = Turnstile(), shop(concurrency=1)
    response = StreamingHttpResponse(iter([b"a", b"b"]))
    entered(turnstile, tenant).leave_with(response)
    assert isinstance(turnstile.enter(tenant), Refusal)
    response.close()
    entered(turnstile, tenant)


def test_a_streamed_body_that_is_thrown_away_gives_the_place_back() -> None:
    turnstile, tenant = Turnstile(), shop(concurrency=1)
    entered(turnstile, tenant).leave_with(StreamingHttpResponse(iter([b"a"])))
    gc.collect()
    entered(turnstile, tenant)


def test_what_is_ready_to_be_sent_keeps_no_place(db: None) -> None:
    turnstile, tenant = Turnstile(), shop(concurrency=1)
    entered(turnstile, tenant).leave_with(HttpResponse(b"a"))
    with open(__file__, "rb") as file:  # noqa: PTH123 - as Django's storages open it
        response = FileResponse(file)
        entered(turnstile, tenant).leave_with(response)
        entered(turnstile, tenant)
        response.close()


def test_memory_is_bounded_and_nobody_inside_is_forgotten() -> None:
    with override_settings(TENANTS={"REGISTRY_SIZE": 10}):
        turnstile = Turnstile()
        entered(turnstile, shop(1, concurrency=1))
        for number in range(2, 1000):
            entered(turnstile, shop(number, concurrency=1)).leave()
        assert len(turnstile) == 10
        assert isinstance(turnstile.enter(shop(1, concurrency=1)), Refusal)


@pytest.mark.parametrize("limits", [{"concurrency": 1}, {"rate": 1}])
def test_one_limit_works_without_the_other(limits: dict[str, int]) -> None:
    turnstile = Turnstile(Clock())
    entered(turnstile, shop(**limits))
    assert isinstance(turnstile.enter(shop(**limits)), Refusal)
