"""How a run over many tenants is told on a terminal."""

from __future__ import annotations

from contextlib import AbstractContextManager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tenants.management.reporters import Lines, line
from tenants.migrator.apply import Outcome


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

    def report(self, outcome: Outcome) -> None:
        self.failed += outcome.failed
        if outcome.failed:
            self.bar.console.print(line(outcome), style="red", markup=False, highlight=False)
        speed = self.bar.tasks[0].speed
        self.bar.update(
            self.task,
            advance=1,
            rate=f"{speed:.0f} tenants/s" if speed else "",
            failures=f"{self.failed} failed" if self.failed else "",
        )
