"""New virtual environments with the distribution, installed without a package index."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WHEELS = Path(sys.prefix) / "wheels"
"""Filled by `scripts/wheelhouse`, which `make` calls."""


def skip_without(condition: bool, reason: str) -> None:
    """Skip the test where what it needs is missing; fail in CI."""
    if not condition:
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)


def build_wheel(folder: Path) -> Path:
    """Build the distribution as `make wheel` does, and return its file."""
    pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(ROOT))
    return next(folder.glob("sangga-*.whl"))


def pip(*arguments: str, python: Path | None = None) -> str:
    """Return what pip prints, for another environment if `python` names one."""
    options = ["--disable-pip-version-check", *(["--python", str(python)] if python else [])]
    done = subprocess.run(
        [sys.executable, "-m", "pip", *options, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@dataclass(frozen=True, slots=True)
class Environment:
    """A virtual environment, and what its processes get."""

    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    @property
    def variables(self) -> dict[str, str]:
        """Return the variables of a shell in which the environment is active."""
        names = {"HOME", "LANG", "LC_ALL", "TMPDIR", "PG_BINDIR", "USER"}
        return {
            **{name: value for name, value in os.environ.items() if name in names},
            "PATH": f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "PYTHONDONTWRITEBYTECODE": "1",
            "VIRTUAL_ENV": str(self.folder),
        }

    def run(self, *command: str, folder: Path, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            command, cwd=folder, env=self.variables, capture_output=True, text=True, timeout=240, check=False
        )
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done


def new_environment(folder: Path, wheel: Path, *packages: str) -> Environment:
    """Make an environment without pip, and install the wheel and other packages into it."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    made = Environment(folder)
    pip("install", "--no-index", "--find-links", str(WHEELS), str(wheel), *packages, python=made.python)
    return made
