"""The circuit breaker, the retry budget and the statistics, with the test's own clock."""

from __future__ import annotations

from tenants.contrib.services.circuit_breaker import (
    FAILURES_TO_OPEN,
    MAX_OPEN_SECONDS,
    MIN_OPEN_SECONDS,
    WINDOW,
    BreakerState,
    CircuitBreaker,
)
from tenants.contrib.services.retry_budget import RetryBudget
from tenants.contrib.services.stats import RequestStats, quantile


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def opened(clock: Clock) -> CircuitBreaker:
    breaker = CircuitBreaker(clock)
    for _ in range(FAILURES_TO_OPEN):
        breaker.start_request()
        breaker.record_failure()
    return breaker


def test_it_opens_after_enough_failures_and_not_before() -> None:
    breaker = CircuitBreaker(Clock())
    for _ in range(FAILURES_TO_OPEN - 1):
        breaker.record_failure()
    assert breaker.allows_request()
    breaker.record_failure()
    assert not breaker.allows_request()


def test_a_few_failures_among_many_successes_open_nothing() -> None:
    breaker = CircuitBreaker(Clock())
    for _ in range(100):
        breaker.record_success()
    for _ in range(50):
        breaker.record_failure()
    assert breaker.state is BreakerState.CLOSED


def test_failures_of_long_ago_do_not_count() -> None:
    clock = Clock()
    breaker = CircuitBreaker(clock)
    for _ in range(20):
        breaker.record_failure()
        clock.now += WINDOW
    assert breaker.state is BreakerState.CLOSED


def test_successful_probe_closes_the_circuit() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now += 1.2 * MIN_OPEN_SECONDS
    assert breaker.allows_request()
    breaker.start_request()
    assert not breaker.allows_request()  # one at a time
    breaker.record_success()
    assert breaker.state is BreakerState.CLOSED


def test_each_time_it_is_left_alone_for_longer_up_to_a_bound() -> None:
    clock = Clock()
    breaker = opened(clock)
    pauses = []
    for _ in range(10):
        pauses.append(breaker.retry_after())
        clock.now += pauses[-1]
        assert breaker.allows_request()
        breaker.start_request()
        breaker.record_failure()
    assert pauses[1] > 1.5 * pauses[0]
    assert max(pauses) <= 1.1 * MAX_OPEN_SECONDS


def test_a_request_that_is_called_off_tells_nothing() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now += 1.2 * MIN_OPEN_SECONDS
    breaker.start_request()
    breaker.record_cancelled()
    assert breaker.allows_request()  # the next one asks again


def test_retries_are_a_share_of_requests() -> None:
    clock = Clock()
    budget = RetryBudget(clock)
    while budget.withdraw():
        pass
    for _ in range(100):
        budget.deposit()
    assert sum(budget.withdraw() for _ in range(100)) in {19, 20}
    clock.now += 1
    assert sum(budget.withdraw() for _ in range(100)) == 3


def test_a_tally_tells_rates_errors_and_durations_of_the_last_minute() -> None:
    clock = Clock()
    stats = RequestStats(clock)
    for second in range(20):
        clock.now = 1000.0 + second
        for _ in range(5):
            stats.record(200, 0.02)
        stats.record(503, 2.0)
    clock.now += 1
    recent = stats.recent()
    assert (recent["requests"], recent["errors"], recent["rate"]) == (120, 20, 6.0)
    assert (quantile(recent["buckets"], 0.5), quantile(recent["buckets"], 0.99)) == (0.025, 2.5)
    clock.now += 120
    assert stats.recent()["requests"] == 0
    assert quantile(stats.recent()["buckets"], 0.5) is None
    assert stats.statuses == {200: 100, 503: 20}
