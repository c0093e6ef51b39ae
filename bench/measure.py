"""Child processes with their time and memory, contenders in turn, medians, ratios and tables."""

from __future__ import annotations

import os
import resource
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TypeVar

from rich import box
from rich.console import Console
from rich.table import Table

from bench.server import FOLDER, ROOT, active_milliseconds, cpu_seconds

# As anybody has it: what Python has compiled is kept, and what it prints goes out when there is enough of it.
_own = {name: os.environ[name] for name in os.environ.keys() - {"PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"}}
console = Console(width=160, highlight=False)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Sample:
    """One run of a process."""

    seconds: float
    """From start to end, Python's own start included."""
    peak_mib: float
    """Of the process, or of the largest of its children."""
    database_seconds: float
    """In which PostgreSQL executed its statements, all connections together."""
    cpu_seconds: float
    """Processor time of the process and of PostgreSQL; other load of the machine does not count."""


def run(command: Sequence[str], environment: Mapping[str, str], database: str) -> Sample:
    """Run a process that works on `database`; raise `RuntimeError` with what it said last if it fails."""
    active, cpu = active_milliseconds(database), cpu_seconds()
    output = FOLDER / "output.log"
    with output.open("wb") as log:
        started = time.perf_counter()
        child = subprocess.Popen(
            command, cwd=ROOT, env=_own | environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
        _, status, usage = os.wait4(child.pid, 0)  # and not child.wait(), which keeps the usage to itself
        seconds = time.perf_counter() - started
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        tail = output.read_text(errors="replace")[-3000:]
        raise RuntimeError(f"{' '.join(command)} ended with {child.returncode}:\n{tail}")
    active_seconds = (active_milliseconds(database) - active) / 1000  # waits until its connections have ended
    cpu = cpu_seconds() - cpu + usage.ru_utime + usage.ru_stime
    return Sample(seconds, usage.ru_maxrss / 1024, active_seconds, cpu)


def in_turn(names: Sequence[str], rounds: int, once: Callable[[str], T]) -> dict[str, list[T]]:
    """Call `once` for every name in every round, each round beginning with another; return what came, by name."""
    found: dict[str, list[T]] = {name: [] for name in names}
    for number in range(rounds):
        start = number % len(names)
        for name in [*names[start:], *names[:start]]:
            found[name].append(once(name))
    return found


def ratio(ours: Sequence[float], others: Sequence[float]) -> float:
    """Return the median of ours ÷ other, each pair from the same round."""
    return median(mine / theirs for mine, theirs in zip(ours, others, strict=True))


def peak(samples: Sequence[Sample]) -> str:
    """Return the median peak of memory in MiB; what is smaller than ours at its birth cannot be told."""
    mib = median(sample.peak_mib for sample in samples)
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return f"{mib:.0f}" if mib > own else f"< {own:.0f}"


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table; as Markdown where the output is not a terminal, so that it can be kept."""
    drawn = Table(box=box.ROUNDED if console.is_terminal else box.MARKDOWN)
    for number, column in enumerate(columns):
        drawn.add_column(column, justify="right" if number else "left")
    for row in rows:
        drawn.add_row(*row)
    console.print(f"[bold]{title}[/bold]")
    console.print(drawn)
