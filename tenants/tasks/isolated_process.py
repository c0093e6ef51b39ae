"""Separate process for a job whose worker was lost: if the job kills its process, no other job is affected."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

from django.conf import settings

_SECONDS_BETWEEN_LOOKS = 0.2


class ProcessEnded(Exception):
    """The process of a job ended without success."""

    def __init__(self, status: int) -> None:
        super().__init__(f"by signal {-status}" if status < 0 else f"with exit code {status}")


def run_isolated(job_id: int, should_stop: Callable[[], bool] = lambda: False) -> None:
    """Run one job of the queue in a separate process; raise `ProcessEnded` unless that succeeds.

    The process gets SIGTERM when `should_stop` returns True.
    """
    command = [sys.executable, "-m", "django", "run_worker", "--job", str(job_id), "--parent", str(os.getpid())]
    # In a new session, so that Ctrl-C reaches only the worker, which stops its processes.
    process = subprocess.Popen(command, env=_environment(), start_new_session=True)
    is_terminated = False
    while True:
        try:
            status = process.wait(_SECONDS_BETWEEN_LOOKS)
        except subprocess.TimeoutExpired:
            if should_stop() and not is_terminated:
                process.terminate()
                is_terminated = True
        else:
            break
    if status:
        raise ProcessEnded(status)


def _environment() -> dict[str, str]:
    # So that it imports the project from the same folders.
    path = os.pathsep.join(entry for entry in sys.path if entry)
    return {**os.environ, "PYTHONPATH": path, "DJANGO_SETTINGS_MODULE": settings.SETTINGS_MODULE}
