"""Migrations of the ledger, written for one test and applied by the real migrator."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from textwrap import indent

from django.conf import settings
from django.test import override_settings

import tests.ledger.migrations
from tenants.migrator import apply, batch, graph, history, plan, release_order
from tenants.models import code_release as release

WriteMigrations = Callable[..., None]

_numbers = count(1)
_HEAD = """
from django.contrib.postgres.operations import *
from django.db import migrations, models
from django.db.migrations import *


class Migration(migrations.Migration):
    dependencies = [("ledger", "{after}")]
    {more}
    operations = [
{operations}
    ]
"""


@contextmanager
def written_migrations(folder: Path) -> Iterator[WriteMigrations]:
    """Yield a function that writes a migration after the ledger's own ones, from the source of its operations."""
    package = f"migrations_of_test_{next(_numbers)}"
    (folder / package).mkdir()
    init = folder / package / "__init__.py"
    init.write_text(f"__path__.extend({list(tests.ledger.migrations.__path__)!r})\n")
    sys.path.insert(0, str(folder))
    last = "0005_entry_by_amount"

    def write(name: str, operations: str, *, more: str = "", after: str = "") -> None:
        nonlocal last
        text = _HEAD.format(after=after or last, operations=indent(operations, " " * 8), more=more)
        (folder / package / f"{name}.py").write_text(text)
        last = name
        forget_what_was_read()

    with ExitStack() as undo:
        undo.callback(forget_what_was_read)
        undo.callback(sys.path.remove, str(folder))
        undo.callback(lambda: [sys.modules.pop(name) for name in list(sys.modules) if name.startswith(package)])
        undo.enter_context(override_settings(MIGRATION_MODULES=_modules(package)))
        forget_what_was_read()
        yield write


def _modules(package: str) -> dict[str, str | None]:
    return {**settings.MIGRATION_MODULES, "ledger": package}


def forget_what_was_read() -> None:
    """Make the migrator read the migrations again, which change in a process only in these tests."""
    for cached in (
        release.disk_loader,
        release.release,
        release_order._known,
        graph._leaves,
        graph._target_fingerprint,
        plan.next_segment,
        history._records,
        batch._fingerprint,
    ):
        cached.cache_clear()  # type: ignore[attr-defined]
    apply._scripts.clear()
    apply._latest.clear()
    importlib.invalidate_caches()
    release.disk_loader()  # read by one thread, because Django reloads a package while it reads it
