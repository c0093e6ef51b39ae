"""Plain Django, driven by `bench.worker`: its one shop goes by any name."""

from __future__ import annotations

from contextlib import nullcontext


def inside(name: str) -> nullcontext[None]:
    """Give the context in which the ORM works on a tenant."""
    return nullcontext()
