"""What is wrong with a file of goods."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


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


class ImportRefused(Exception):
    """A file of goods that cannot be taken. Nothing was changed."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(*problems)
        self.problems = tuple(problems)

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)
