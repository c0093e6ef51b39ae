"""The engine without contrib, and without third-party packages but Django, psycopg and idna."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_engine_rooms_import_with_django_psycopg_and_idna_alone() -> None:
    script = ROOT / "tests/architecture/engine_alone.py"
    ended = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, check=False
    )
    assert ended.stderr == ""
    assert ended.stdout.splitlines() == ["every module"]
