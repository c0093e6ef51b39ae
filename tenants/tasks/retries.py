"""Retries of failed jobs, as procrastinate asks for them."""

from __future__ import annotations

from datetime import datetime

from procrastinate import RetryStrategy
from procrastinate.jobs import Job
from procrastinate.retry import RetryDecision

from tenants.tasks.tenant_jobs import MAX_RETRIES, wait_after


class JobFailed(Exception):
    """A job raised an error or killed its process."""

    def __init__(self, cause: str, at: datetime) -> None:
        super().__init__(cause)
        self.at = at
        """By the database's clock, like the time of the retry."""


class Retries(RetryStrategy):
    """Retries with exponential waits, counted by the database's clock from the time of the failure."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        """Return the time of the next attempt; None after the last one."""
        decision = super().get_retry_decision(exception=exception, job=job)
        if decision is None or not isinstance(exception, JobFailed):
            return decision
        return RetryDecision(retry_at=exception.at + wait_after(job.attempts))


RETRIES = Retries(max_attempts=MAX_RETRIES, exponential_wait=3)
