"""Another process with the project loaded, which does what it is told and can be killed while it does it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]

# Reads one line of Python at a time, evaluates it, and answers with one line of JSON.
_LOOP = """
import json, sys, django
django.setup()
import tests.acceptance.deeds as deeds
print("ready", flush=True)
for line in sys.stdin:
    try:
        answer = {"value": eval(line, {"deeds": deeds})}
    except Exception as error:
        answer = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), flush=True)
"""


class Hand:
    """Does deeds (`tests.acceptance.deeds`) in a process of its own."""

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
        assert self.process.stdout is not None
        assert self.process.stdout.readline().strip() == "ready"

    def begin(self, deed: str) -> None:
        """Tell it what to do, and do not wait."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"deeds.{deed}\n")
        self.process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        """Wait for what it says: `value` or `error`; an empty answer if it died."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        return json.loads(line) if line else {}

    def do(self, deed: str) -> Any:
        """Tell it what to do and return the value."""
        self.begin(deed)
        answer = self.answer()
        assert "value" in answer, answer
        return answer["value"]

    def kill(self) -> None:
        """Kill it without warning."""
        self.process.kill()
        self.process.communicate()
