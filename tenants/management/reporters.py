"""How a run over many tenants is told: a bar on a terminal, a line each in a pipe, JSON lines for programs."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from django.core.management.base import OutputWrapper
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

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


class Bar(Lines):
    """A bar with rate, time to go and failures; of the tenants, only failures get a line."""

    def running(self, total: int) -> AbstractContextManager[object]:
        self.failed = 0
        self.bar = Progress(
            TextColumn("Migrating"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[failures]}", style="red"),
            console=Console(stderr=True),
        )
        self.task = self.bar.add_task("", total=total, rate="", failures="")
        return self.bar

    def tell(self, outcome: Outcome) -> None:
        self.failed += outcome.failed
        if outcome.failed:
            self.bar.console.print(in_words(outcome), style="red", markup=False, highlight=False)
        speed = self.bar.tasks[0].speed
        self.bar.update(
            self.task,
            advance=1,
            rate=f"{speed:.0f} tenants/s" if speed else "",
            failures=f"{self.failed} failed" if self.failed else "",
        )


class JsonLines(Lines):
    """One JSON object a line: outcomes, then the sum."""

    def tell(self, outcome: Outcome) -> None:
        facts = {
            "tenant": outcome.tenant.slug,
            "schema": outcome.tenant.schema,
            "outcome": "failed" if outcome.failed else "elsewhere" if outcome.elsewhere else "migrated",
            "applied": outcome.applied,
            "error": outcome.error,
            "seconds": round(outcome.seconds, 4),
        }
        self.out.write(json.dumps(facts, ensure_ascii=False))

    def sum_up(self, text: str, facts: dict[str, object]) -> None:
        self.out.write(json.dumps(facts))


def in_words(outcome: Outcome) -> str:
    """Return a line for one outcome."""
    slug = outcome.tenant.slug
    if outcome.failed:
        return f"{slug}: FAILED, left as it was. {outcome.error}"
    if outcome.elsewhere:
        return f"{slug}: another run has it in hand"
    steps = f"{len(outcome.applied)} migrations" if outcome.applied else "nothing to do"
    return f"{slug}: {steps} in {outcome.seconds:.2f} s"
