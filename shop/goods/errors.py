"""What is wrong with a file of goods."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

MAX_SHOWN = 20
"""So many problems are named one by one; of the rest there is the number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong, and where: `line` counts the lines of the file from 1; 0 is the file itself."""

    reason: str
    line: int = 0
    column: str = ""

    def __str__(self) -> str:
        if not self.line:
            return self.reason
        column = f", column {self.column!r}" if self.column else ""
        return f"Line {self.line}{column}: {self.reason}"


class Problems:
    """What was found to be wrong so far: the first problems, and how many there are in all."""

    def __init__(self) -> None:
        self.first: list[Problem] = []
        self.total = 0

    def __bool__(self) -> bool:
        return self.total > 0

    def add(self, *problems: Problem) -> None:
        self.total += len(problems)
        self.first += problems[: MAX_SHOWN - len(self.first)]

    def all(self) -> list[Problem]:
        """Return the first, and one that says how many more there are."""
        more = self.total - len(self.first)
        rest = Problem(reason=f"There are {more} more problems: {self.total} in all.")
        return [*self.first, rest] if more else list(self.first)


class ImportRefused(Exception):
    """A file of goods that cannot be taken. Nothing was changed."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(*problems)
        self.problems = tuple(problems)
        self.warnings: Iterable[str] = ()
        """The report on the file, as far as it was read."""

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)
