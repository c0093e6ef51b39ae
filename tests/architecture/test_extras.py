"""Extras of the distribution: each has what its apps import, and a missing one is named."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tenants import extras

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = {name: [Requirement(text) for text in texts] for name, texts in PROJECT["optional-dependencies"].items()}
APPS = {
    "accounts": ("accounts,impersonation,limits", ""),
    "admin": ("admin,mounts", "accounts,impersonation,limits,api,services"),
    "api": ("api", ""),
    "devserver": ("devserver", ""),
    "gateway": ("gateway,services,limits,observability", "impersonation,accounts,api,oauth"),
    "oauth": ("oauth", "accounts,impersonation,limits,api,observability"),
    "observability": ("observability", ""),
    "tasks": ("tasks", ""),
}
"""The contrib apps that have their packages with an extra, and those that are installed beside them."""


def distributions_of(requirements: list[Requirement]) -> set[str]:
    """Return the names of the distributions that pip would install, as far as they are installed here."""
    found: set[str] = set()
    pending = list(requirements)
    while pending:
        requirement = pending.pop()
        if requirement.name == "sangga":
            pending += [each for extra in requirement.extras for each in EXTRAS[extra]]
            continue
        try:
            needed = metadata.requires(requirement.name) or []
        except metadata.PackageNotFoundError:
            continue
        new = normalized(requirement.name) not in found
        found.add(normalized(requirement.name))
        for each in map(Requirement, needed if new or requirement.extras else []):
            chosen = [*requirement.extras, ""]
            if each.marker is None or any(each.marker.evaluate({"extra": extra}) for extra in chosen):
                pending.append(each)
    return found


def normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def importable(extra: str) -> set[str]:
    base = [Requirement(text) for text in PROJECT["dependencies"]]
    wanted = distributions_of([*base, *EXTRAS[extra]])
    return {
        package
        for package, names in metadata.packages_distributions().items()
        if any(normalized(name) in wanted for name in names)
    }


@pytest.mark.parametrize("extra", APPS)
def test_contrib_apps_import_with_the_packages_of_their_extra(extra: str) -> None:
    examined, others = APPS[extra]
    installed = f"{examined},{others}".strip(",")
    packages = ",".join(sorted(importable(extra)))
    ended = subprocess.run(
        [sys.executable, ROOT / "tests/architecture/extras_alone.py", examined, installed, packages],
        capture_output=True, text=True, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, check=False,
    )  # fmt: skip
    assert ended.stderr == ""
    assert ended.stdout.splitlines() == ["every module"]


@pytest.mark.parametrize("extra", extras._PACKAGES)
def test_packages_that_an_extra_is_asked_for_are_those_it_installs(extra: str) -> None:
    assert set(extras._PACKAGES[extra]) <= importable(extra)


def test_packages_that_settings_name_are_in_their_extra() -> None:
    assert {package for package, extra in extras._OF_PACKAGES.items() if package not in importable(extra)} == set()


def test_all_has_every_extra() -> None:
    assert set(EXTRAS["all"][0].extras) == set(EXTRAS) - {"all"}


def test_pinned_versions_are_within_the_bounds_of_the_distribution() -> None:
    pinned = dict(re.findall(r"^([\w-]+)(?:\[.*\])?==(\S+)$", (ROOT / "requirements.txt").read_text(), flags=re.M))
    pinned |= dict(re.findall(r"^([\w-]+)==(\S+)$", (ROOT / "requirements-telemetry.txt").read_text(), flags=re.M))
    versions = {normalized(name): version for name, version in pinned.items()}
    bounds = [Requirement(text) for text in PROJECT["dependencies"]] + [
        each for some in EXTRAS.values() for each in some
    ]
    outside = [
        str(bound) for bound in bounds
        if bound.name != "sangga" and not bound.specifier.contains(versions[normalized(bound.name)])
    ]  # fmt: skip
    assert outside == []
