"""The wheel, built once."""

from __future__ import annotations

import sys
from ctypes.util import find_library
from pathlib import Path

import pytest

from tests.distribution.environments import WHEELS, Environment, build_wheel, new_environment, skip_without


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    skip_without(any(WHEELS.glob("[dD]jango-*.whl")), f"{WHEELS} is empty. Run: scripts/wheelhouse {sys.prefix}")
    return build_wheel(tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="session")
def bare(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment with the distribution and the packages that it requires, and none of its extras."""
    skip_without(find_library("pq") is not None, "psycopg needs the system's libpq, and there is none")
    return new_environment(tmp_path_factory.mktemp("bare") / "venv", wheel)
