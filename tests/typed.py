"""Commands for tests: their output and exit code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        """Its lines on standard error, without the line that names the side of a command."""
        return [line for line in self.err.splitlines() if not line.startswith("Control plane (schema public).")]


Manage = Callable[..., Ended]
