"""Work in a process for itself: what ended its worker once can end no other work, and is known by its name."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

from django.conf import settings

_SECONDS_BETWEEN_LOOKS = 0.2


class ProcessEnded(Exception):
    """The process that did a job ended without success."""

    def __init__(self, status: int) -> None:
        super().__init__(f"by signal {-status}" if status < 0 else f"with exit code {status}")


def run_alone(job_id: int, should_stop: Callable[[], bool] = lambda: False) -> None:
    """Have one job in the queue done by a process for itself; raise `ProcessEnded` unless that succeeds.

    Once `should_stop` says so, the process is told to lay the work down.
    """
    command = [sys.executable, "-m", "django", "run_worker", "--job", str(job_id), "--parent", str(os.getpid())]
    # Ctrl-C is for the worker, which tells its processes.
    process = subprocess.Popen(command, env=_environment(), start_new_session=True)
    is_told = False
    while True:
        try:
            status = process.wait(_SECONDS_BETWEEN_LOOKS)
        except subprocess.TimeoutExpired:
            if should_stop() and not is_told:
                process.terminate()
                is_told = True
        else:
            break
    if status:
        raise ProcessEnded(status)


def _environment() -> dict[str, str]:
    # It finds the project where this process has found it.
    path = os.pathsep.join(entry for entry in sys.path if entry)
    return {**os.environ, "PYTHONPATH": path, "DJANGO_SETTINGS_MODULE": settings.SETTINGS_MODULE}
