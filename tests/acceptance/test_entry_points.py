"""The entry points of servers, imported in a process without Django, as servers do."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("module", "service"),
    [("config.wsgi", "all"), ("config.asgi", "all"), ("config.wsgi", "auth"), ("config.asgi", "example")],
)
def test_a_server_can_import_it_and_what_it_has_loaded_is_left_to_stay(module: str, service: str) -> None:
    environment = {key: value for key, value in os.environ.items() if key != "DJANGO_SETTINGS_MODULE"}
    check = "print(callable(application), gc.get_freeze_count() > 50_000)"
    done = subprocess.run(
        [sys.executable, "-c", f"import gc; from {module} import application; {check}"],
        cwd=ROOT, capture_output=True, text=True, env={**environment, "SECRET_KEY": "x" * 50, "SERVICE": service},
    )  # fmt: skip
    assert done.stdout == "True True\n", done.stderr


def test_a_command_looks_for_garbage_and_not_among_what_it_has_loaded() -> None:
    look = "import gc; print(gc.isenabled(), gc.get_freeze_count() > 50_000)"
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "--no-imports", "-c", look], cwd=ROOT, capture_output=True, text=True
    )
    assert done.stdout == "True True\n", done.stderr


def test_to_import_the_command_line_changes_nothing() -> None:
    """As a child of a pool of processes does, which is no command."""
    look = "import gc, manage; print(gc.isenabled(), gc.get_freeze_count())"
    done = subprocess.run([sys.executable, "-c", look], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == "True 0\n", done.stderr
