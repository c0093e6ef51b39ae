"""Tables as commands print them."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence

from django.core.management.base import OutputWrapper
from rich.console import Console
from rich.table import Table
from rich.text import Text


def table_text(stdout: OutputWrapper, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table with a line for each row, as wide as `stdout` is."""
    table = Table(*columns, box=None, header_style="bold")
    for row in rows:
        table.add_row(*(Text(str(cell)) for cell in row))  # a name may hold what rich takes for markup
    # In a pipe there is no width to fit into.
    console = Console(file=io.StringIO(), width=None if stdout.isatty() else 400)
    with console.capture() as text:
        console.print(table)
    return text.get()
