"""Writes down the SQL that Django's own `migrate` sends in one schema: the limit for everybody who does the same.

`python -m bench.record FOLDER`, in plain Django's project: `create.sql` is everything from an empty schema on, rows of
`django_migrations`, content types and permissions included; `add.sql` is the one migration more.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import django
from django.core.management import call_command
from django.db import connection

_KEPT = ("CREATE", "ALTER", "DROP", "INSERT", "UPDATE", "DELETE", "COMMENT")


def main(folder: Path) -> None:
    """Migrate and record."""
    statements: list[str] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        if str(sql).startswith(_KEPT):
            statements.append(connection.ops.compose_sql(str(sql), params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        call_command("migrate", verbosity=0)
    name = "add.sql" if os.environ.get("BENCH_ADDED") else "create.sql"
    (folder / name).write_text("".join(f"{statement.rstrip('; ')};\n" for statement in statements))


if __name__ == "__main__":
    django.setup()
    main(Path(sys.argv[1]))
