"""What stands above and below the tables of every benchmark."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime

from bench.contenders import DJANGO_TENANTS, PGSCHEMAS, Contender, is_installed, versions
from bench.measure import console, table
from bench.server import version


def header(title: str, rounds: int = 0, peers: Sequence[Contender] = (DJANGO_TENANTS, PGSCHEMAS)) -> None:
    """Print what is measured, on what, and which of the peers that belong to it could not take part."""
    parts = [f"{name} {number}" for name, number in versions().items()]
    console.print(f"[bold]{title}[/bold]: {datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, {version()}")
    medians = f"; medians of {rounds} interleaved rounds" if rounds else ""
    console.print(f"Python {platform.python_version()}, {', '.join(parts)}{medians}.")
    for peer in peers:
        if not is_installed(peer):
            console.print(f"{peer.key} is left out: it cannot be installed under this Python.")
    console.print()


def verdicts(goals: Sequence[tuple[str, str, float, bool]]) -> None:
    """Print which goals are reached."""
    rows = [[text, f"{figure:.3g} {unit}", "yes" if reached else "NO"] for text, unit, figure, reached in goals]
    table("Goals", ["", "measured", "reached"], rows)
