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
        """What it said on standard error, but for what a command says of the side that it is for."""
        return [line for line in self.err.splitlines() if not line.startswith("Control plane (schema public).")]


Manage = Callable[..., Ended]
