"""The wheel, built once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.distribution.environments import Environment, build_wheel, new_environment, skip_without_wheels


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    skip_without_wheels()
    return build_wheel(tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="session")
def bare(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment with the distribution and the packages that it requires, and none of its extras."""
    return new_environment(tmp_path_factory.mktemp("bare") / "venv", wheel)
