"""The circuit breaker, the retry budget and the tally, at a clock of the test's own."""

from __future__ import annotations

from tenants.contrib.services.circuit_breaker import FIRST_PAUSE, LONGEST_PAUSE, OPENS_AFTER, WINDOW, Breaker, State
from tenants.contrib.services.retry_budget import RetryBudget
from tenants.contrib.services.stats import Tally, quantile


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def opened(clock: Clock) -> Breaker:
    breaker = Breaker(clock)
    for _ in range(OPENS_AFTER):
        breaker.begin()
        breaker.failed()
    return breaker


def test_it_opens_after_enough_failures_and_not_before() -> None:
    breaker = Breaker(Clock())
    for _ in range(OPENS_AFTER - 1):
        breaker.failed()
    assert breaker.lets_through()
    breaker.failed()
    assert not breaker.lets_through()


def test_a_few_failures_among_many_successes_open_nothing() -> None:
    breaker = Breaker(Clock())
    for _ in range(100):
        breaker.succeeded()
    for _ in range(50):
        breaker.failed()
    assert breaker.state is State.CLOSED


def test_failures_of_long_ago_do_not_count() -> None:
    clock = Clock()
    breaker = Breaker(clock)
    for _ in range(20):
        breaker.failed()
        clock.now += WINDOW
    assert breaker.state is State.CLOSED


def test_one_request_asks_again_and_closes_it() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now += 1.2 * FIRST_PAUSE
    assert breaker.lets_through()
    breaker.begin()
    assert not breaker.lets_through()  # one at a time
    breaker.succeeded()
    assert breaker.state is State.CLOSED


def test_each_time_it_is_left_alone_for_longer_up_to_a_bound() -> None:
    clock = Clock()
    breaker = opened(clock)
    pauses = []
    for _ in range(10):
        pauses.append(breaker.seconds_left())
        clock.now += pauses[-1]
        assert breaker.lets_through()
        breaker.begin()
        breaker.failed()
    assert pauses[1] > 1.5 * pauses[0]
    assert max(pauses) <= 1.1 * LONGEST_PAUSE


def test_a_request_that_is_called_off_tells_nothing() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now += 1.2 * FIRST_PAUSE
    breaker.begin()
    breaker.gave_up()
    assert breaker.lets_through()  # the next one asks again


def test_retries_are_a_share_of_requests() -> None:
    clock = Clock()
    budget = RetryBudget(clock)
    while budget.take():
        pass
    for _ in range(100):
        budget.note_request()
    assert sum(budget.take() for _ in range(100)) in {19, 20}
    clock.now += 1
    assert sum(budget.take() for _ in range(100)) == 3


def test_a_tally_tells_rates_errors_and_durations_of_the_last_minute() -> None:
    clock = Clock()
    tally = Tally(clock)
    for second in range(20):
        clock.now = 1000.0 + second
        for _ in range(5):
            tally.note(200, 0.02)
        tally.note(503, 2.0)
    clock.now += 1
    recent = tally.recent()
    assert (recent["requests"], recent["errors"], recent["rate"]) == (120, 20, 6.0)
    assert (quantile(recent["buckets"], 0.5), quantile(recent["buckets"], 0.99)) == (0.025, 2.5)
    clock.now += 120
    assert tally.recent()["requests"] == 0
    assert quantile(tally.recent()["buckets"], 0.5) is None
    assert tally.statuses == {200: 100, 503: 20}
