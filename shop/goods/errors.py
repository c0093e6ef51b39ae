"""Errors in a file of goods."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

MAX_SHOWN = 20
"""The first errors are listed; the others are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """An error and its place. Lines are counted from 1; 0 is the whole file."""

    reason: str
    line: int = 0
    column: str = ""

    def __str__(self) -> str:
        if not self.line:
            return self.reason
        column = f", column {self.column!r}" if self.column else ""
        return f"Line {self.line}{column}: {self.reason}"


class Problems:
    """The first errors of a file, and how many there are."""

    def __init__(self) -> None:
        self.first: list[Problem] = []
        self.total = 0

    def __bool__(self) -> bool:
        return self.total > 0

    def add(self, *problems: Problem) -> None:
        self.total += len(problems)
        self.first += problems[: MAX_SHOWN - len(self.first)]

    def all(self) -> list[Problem]:
        """Return the first errors, and one that counts the others."""
        more = self.total - len(self.first)
        rest = Problem(reason=f"{more} more errors, {self.total} in total.")
        return [*self.first, rest] if more else list(self.first)


class ImportRefused(Exception):
    """The file cannot be imported. Nothing was changed."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(*problems)
        self.problems = tuple(problems)
        self.warnings: Iterable[str] = ()
        """The report on the part of the file that was read."""

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)
