"""How a run over many tenants is told: a line each in a pipe, JSON lines for programs; `bar` has it for a terminal."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from django.core.management.base import OutputWrapper

from tenants.migrator.apply import Outcome


class Reporter(Protocol):
    """Hears of each outcome as it comes."""

    def running(self, total: int) -> AbstractContextManager[object]:
        """Enter this around the run."""

    def tell(self, outcome: Outcome) -> None:
        """Say what happened to one tenant."""

    def sum_up(self, text: str, facts: dict[str, object]) -> None:
        """Say how it all went."""


class Lines:
    """One line for each tenant."""

    def __init__(self, out: OutputWrapper, err: OutputWrapper) -> None:
        self.out = out
        self.err = err

    def running(self, total: int) -> AbstractContextManager[object]:
        return nullcontext()

    def tell(self, outcome: Outcome) -> None:
        (self.err if outcome.failed else self.out).write(in_words(outcome))

    def sum_up(self, text: str, facts: dict[str, object]) -> None:
        self.out.write(text)


class JsonLines(Lines):
    """One JSON object a line: outcomes, then the sum."""

    def tell(self, outcome: Outcome) -> None:
        facts = {
            "tenant": outcome.tenant.slug,
            "schema": outcome.tenant.schema,
            "outcome": _word(outcome),
            "applied": outcome.applied,
            "error": outcome.error,
            "seconds": round(outcome.seconds, 4),
        }
        self.out.write(json.dumps(facts, ensure_ascii=False))

    def sum_up(self, text: str, facts: dict[str, object]) -> None:
        self.out.write(json.dumps(facts))


def _word(outcome: Outcome) -> str:
    if outcome.was_current:
        return "up_to_date"
    return "failed" if outcome.failed else "elsewhere" if outcome.locked else "migrated"


def in_words(outcome: Outcome) -> str:
    """Return a line for one outcome."""
    slug = outcome.tenant.slug
    if outcome.failed:
        return f"{slug}: FAILED, left as it was. {outcome.error}"
    if outcome.locked:
        return f"{slug}: another run has it in hand"
    steps = f"{len(outcome.applied)} migrations" if outcome.applied else "nothing to do"
    return f"{slug}: {steps} in {outcome.seconds:.2f} s"
