"""Progress of long commands: one line on a terminal, nothing in a pipe."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.core.management.base import OutputWrapper

from tenants.management.reporters import Lines, line
from tenants.migrator.apply import Outcome

_SECONDS_BETWEEN = 0.1
_ERASE_LINE = "\r\x1b[K"


@contextmanager
def progress_line(text: str, stream: OutputWrapper) -> Iterator[Callable[..., None]]:
    """Give a function to call with the number of finished parts, their total and a note."""
    started = written = time.monotonic()

    def report(done: int, total: int, note: str = "") -> None:
        nonlocal written
        now = time.monotonic()
        if stream.isatty() and (done == total or now - written >= _SECONDS_BETWEEN):
            written = now
            left = f", {(now - started) / done * (total - done):.0f} s left" if done else ""
            stream.write(f"{_ERASE_LINE}{text}: {done}/{total}{left}{note}", ending="")
            stream.flush()

    try:
        yield report
    finally:
        if stream.isatty():
            stream.write(_ERASE_LINE, ending="")


class ProgressLine(Lines):
    """Prints the progress of a migration run, and a line for each failure."""

    @contextmanager
    def running(self, total: int) -> Iterator[None]:
        self._total, self._done, self._failed = total, 0, 0
        with progress_line("Migrating", self.err) as self._progress:
            yield

    def report(self, outcome: Outcome) -> None:
        self._done += 1
        self._failed += outcome.failed
        if outcome.failed:
            self.err.write(_ERASE_LINE + line(outcome))
        self._progress(self._done, self._total, f", {self._failed} failed" if self._failed else "")
