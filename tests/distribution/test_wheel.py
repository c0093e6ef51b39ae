"""The wheel in an empty environment."""

from __future__ import annotations

import json
import subprocess
import zipfile
from pathlib import Path

import tenants
from tests.distribution.environments import ROOT, Environment, pip

BASE = {"asgiref", "django", "idna", "psycopg", "psycopg-pool", "sangga", "sqlparse"}
OF_OLDER_PYTHONS = {"typing-extensions", "typing_extensions", "tzdata"}


def test_wheel_has_every_file_of_the_engine_and_nothing_else(wheel: Path) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "tenants"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    names = [name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name]
    assert sorted(names) == sorted(name for name in listed if (ROOT / name).exists())
    assert {Path(name).suffix for name in names} >= {".py", ".typed", ".html", ".css", ".mo"}


def test_wheel_has_version_and_licence(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    folder = f"sangga-{tenants.__version__}.dist-info"
    metadata = archive.read(f"{folder}/METADATA").decode()
    assert "License-Expression: BSD-3-Clause" in metadata
    assert archive.read(f"{folder}/licenses/LICENSE") == (ROOT / "LICENSE").read_bytes()


def test_wheel_alone_brings_only_the_required_distributions(bare: Environment) -> None:
    installed = {each["name"].lower() for each in json.loads(pip("list", "--format", "json", python=bare.python))}
    assert installed - OF_OLDER_PYTHONS == BASE
    assert "No broken requirements found." in pip("check", python=bare.python)


def test_names_for_apps_import_before_settings_exist(bare: Environment, tmp_path: Path) -> None:
    done = bare.run("python", "-c", "from tenants import *; print(use_tenant)", folder=tmp_path)
    assert "use_tenant" in done.stdout
