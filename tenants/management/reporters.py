"""Output of a migration run in a pipe: text lines or JSON lines."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from django.core.management.base import OutputWrapper

from tenants.migrator.apply import Outcome


class Reporter(Protocol):
    """Prints outcomes."""

    def running(self, total: int) -> AbstractContextManager[object]:
        """Return a context for the run."""

    def report(self, outcome: Outcome) -> None:
        """Print one outcome."""

    def summarize(self, text: str, facts: dict[str, object]) -> None:
        """Print the totals."""


class Lines:
    """One line for each tenant."""

    def __init__(self, out: OutputWrapper, err: OutputWrapper) -> None:
        self.out = out
        self.err = err

    def running(self, total: int) -> AbstractContextManager[object]:
        return nullcontext()

    def report(self, outcome: Outcome) -> None:
        (self.err if outcome.failed else self.out).write(line(outcome))

    def summarize(self, text: str, facts: dict[str, object]) -> None:
        self.out.write(text)


class JsonLines(Lines):
    """One JSON object per line: outcomes, then totals."""

    def report(self, outcome: Outcome) -> None:
        facts = {
            "tenant": outcome.tenant.slug,
            "schema": outcome.tenant.schema,
            "outcome": _word(outcome),
            "applied": outcome.applied,
            "error": outcome.error,
            "seconds": round(outcome.seconds, 4),
        }
        self.out.write(json.dumps(facts, ensure_ascii=False))

    def summarize(self, text: str, facts: dict[str, object]) -> None:
        self.out.write(json.dumps(facts))


def _word(outcome: Outcome) -> str:
    if outcome.was_current:
        return "up_to_date"
    return "failed" if outcome.failed else "locked" if outcome.locked else "migrated"


def line(outcome: Outcome) -> str:
    slug = outcome.tenant.slug
    if outcome.failed:
        return f"{slug}: FAILED, unchanged. {outcome.error}"
    if outcome.locked:
        return f"{slug}: locked by another run"
    steps = f"{len(outcome.applied)} migrations" if outcome.applied else "nothing to do"
    return f"{slug}: {steps} in {outcome.seconds:.2f} s"
