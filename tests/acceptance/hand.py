"""Another process with the project loaded: it runs actions, and can be killed during one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]

# Reads one line of Python at a time, evaluates it, and answers with one line of JSON.
_LOOP = """
import json, os, sys, django
django.setup()
import tests.acceptance.actions as actions
print("ready", flush=True)

def answer(line):
    try:
        return {"value": eval(line, {"actions": actions})}
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}

for line in sys.stdin:
    if not line.startswith("fork "):
        print(json.dumps(answer(line)), flush=True)
    elif child := os.fork():
        sys.stdin.readline()  # until it is waited for, no other process gets its id
        os.waitpid(child, 0)
        print("ended", flush=True)
    else:
        print(os.getpid(), flush=True)
        print(json.dumps(answer(line.removeprefix("fork "))), flush=True)
        os._exit(0)
"""


class Hand:
    """Runs actions (`tests.acceptance.actions`) in a separate process."""

    def __init__(self, data_dir: Path, settings: str = "tests.settings") -> None:
        environment = {
            **os.environ,
            "SANGGA_DATA_DIR": str(data_dir),
            "SECRET_KEY": "only-for-this-test",
            "DJANGO_SETTINGS_MODULE": settings,
            "SANGGA_POOL_SIZE": "4",
        }
        self.process = subprocess.Popen(
            [sys.executable, "-c", _LOOP],
            cwd=ROOT,
            env=environment,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._line() == "ready"

    def begin(self, action: str) -> None:
        """Start an action without waiting."""
        self._tell(f"actions.{action}")

    def answer(self) -> dict[str, Any]:
        """Wait for its answer: `value` or `error`; empty if it died."""
        line = self._line()
        return json.loads(line) if line else {}

    def do(self, action: str) -> Any:
        """Run an action and return its value."""
        self.begin(action)
        answer = self.answer()
        assert "value" in answer, answer
        return answer["value"]

    def kill(self) -> None:
        """Kill it with SIGKILL."""
        self.process.kill()
        self.process.communicate()

    def _tell(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def _line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()


class Mother(Hand):
    """Forks a child for each action: it starts quickly and can be killed."""

    child: Child | None = None
    """The child that has not been waited for."""

    def send(self, action: str) -> Child:
        """Start a child; wait for it before the next one."""
        self._tell(f"fork actions.{action}")
        self.child = Child(self, int(self._line()))
        return self.child

    def kill(self) -> None:
        """Kill it and its child with SIGKILL."""
        if self.child is not None:
            self.child.kill()
        super().kill()


class Child:
    """A process that runs one action."""

    def __init__(self, mother: Mother, pid: int) -> None:
        self.pid = pid
        self._mother = mother
        self._begun = time.monotonic()

    def end(self) -> tuple[dict[str, Any], float]:
        """Wait for its end; return its answer (empty if it was killed) and its seconds."""
        answer: dict[str, Any] = {}
        self._mother._tell("wait")
        while (line := self._mother._line()) != "ended":
            answer = json.loads(line)
        self._mother.child = None
        return answer, time.monotonic() - self._begun

    def kill(self) -> dict[str, Any]:
        """Kill it with SIGKILL, and return its answer if it had finished."""
        os.kill(self.pid, signal.SIGKILL)
        return self.end()[0]
