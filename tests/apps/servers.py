"""Processes of the project on the tests' database."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import connection

HERE = Path(__file__).resolve().parent


def environment(**more: str) -> dict[str, str]:
    path = f"{HERE}:{HERE.parents[1]}"
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST")}
    return {
        **kept,
        "DJANGO_SETTINGS_MODULE": "magazine.settings",
        "MAGAZINE_DATABASE": str(connection.settings_dict["NAME"]),
        "PYTHONPATH": path,
        **more,
    }


@contextmanager
def running(*words: str, **more: str) -> Iterator["subprocess.Popen[str]"]:
    """Run a module of this environment, such as `celery`, until the end of the block."""
    command = [sys.executable, "-m", *words]
    process = subprocess.Popen(command, cwd=HERE, env=environment(**more), text=True)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def eventually(what: Callable[[], object], seconds: float = 60) -> object:
    """Return the first true value of `what`."""
    until = time.monotonic() + seconds
    while not (found := _look(what)):
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.05)
    return found


def _look(what: Callable[[], object]) -> object:
    try:
        return what()
    finally:
        connection.close()
