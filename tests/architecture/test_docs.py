"""Documents name the settings, commands, errors, checks and floors of the code."""

from __future__ import annotations

import inspect
import re
from dataclasses import fields
from itertools import chain
from pathlib import Path

import pytest

import tenants
from tenants import errors
from tenants.conf import groups

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"


def in_backticks(file: str) -> set[str]:
    return set(re.findall(r"`([^`\n]+)`", (DOCS / file).read_text()))


def first_cells(file: str, heading: str) -> set[str]:
    """Return the words in backticks of the first column of the table below a heading."""
    section = (DOCS / file).read_text().split(f"## {heading}\n")[1].split("\n## ")[0]
    return set(re.findall(r"^\| `([^`]+)` \|", section, flags=re.M))


def test_every_environment_variable_is_documented_and_none_is_invented() -> None:
    source = (ROOT / "config" / "settings.py").read_text()
    read = set(re.findall(r"""env\.\w+\(["'](\w+)["']""", source))
    elsewhere = {"PG_BINDIR", "SANGGA_OWNER_PASSWORD"}
    for name in elsewhere:
        assert any(f'"{name}"' in path.read_text() for path in (ROOT / "tenants").rglob("*.py")), name
    assert first_cells("settings.md", "Environment variables") == read | elsewhere


def test_every_key_of_tenants_is_documented_and_none_is_invented() -> None:
    assert first_cells("settings.md", "`TENANTS`") == {
        field.name.upper() for group in groups() for field in fields(group)
    }


def test_every_command_is_documented() -> None:
    folders = [*ROOT.glob("tenants/**/management/commands"), *ROOT.glob("shop/**/management/commands")]
    commands = {path.stem for folder in folders for path in folder.glob("*.py")} - {"__init__"}
    text = (DOCS / "operations.md").read_text()
    assert {
        command for command in commands if f"`{command}" not in text and f"`manage.py {command}" not in text
    } == set()


def test_every_error_stands_in_the_drawn_tree() -> None:
    drawn = set(re.findall(r"[├└]── (\w+)", errors.__doc__ or ""))
    classes = {
        name
        for name, value in inspect.getmembers(errors, inspect.isclass)
        if issubclass(value, errors.TenancyError) and value is not errors.TenancyError
    }
    assert drawn == classes


def test_every_system_check_is_documented() -> None:
    files = [*ROOT.glob("tenants/checks/*.py"), *ROOT.glob("tenants/contrib/*/checks.py")]
    source = "".join(path.read_text() for path in files)
    ids = set(re.findall(r'id="(tenants\.[EW]\d+)"', source))
    assert ids
    assert ids <= in_backticks("operations.md")


@pytest.mark.parametrize(("page", "project"), [("testing.md", "foreign"), ("users.md", "foreign_users")])
def test_examples_of_a_page_are_code_of_a_tested_project(page: str, project: str) -> None:
    examples = re.findall(r"^ *```python\n(.*?)^ *```", (DOCS / page).read_text(), flags=re.M | re.S)
    files = [_without_indents(path.read_text()) for path in (ROOT / "tests" / project).rglob("*.py")]
    assert len(examples) >= 6
    assert [text for text in examples if not any(_without_indents(text) in file for file in files)] == []


def _without_indents(text: str) -> str:
    return "\n".join(line.strip() for line in text.splitlines())


def test_what_goes_wrong_elsewhere_is_tried_in_tests_that_there_are() -> None:
    rows = re.findall(
        r"^\| ([MC]\d+) \|.*\| `(tests/\S+\.py)::(test_\w+)` \|$", (DOCS / "security.md").read_text(), re.M
    )
    assert [number for number, _, _ in rows] == [*(f"M{n}" for n in range(1, 25)), *(f"C{n}" for n in range(1, 35))]
    missing = [row for row in rows if not re.search(rf"^ *(async )?def {row[2]}\(", (ROOT / row[1]).read_text(), re.M)]
    assert missing == []


def test_every_door_is_tried_by_tests_that_there_are() -> None:
    section = (DOCS / "security.md").read_text().split("## Access by entry point\n")[1].split("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| ")][1:]
    named = [re.findall(r"`(tests/\S+?\.py)::(test_\w+)`", row[-1]) for row in rows]
    assert [row[0] for row in rows if len(row) != 6] == []
    assert [row[0] for row, tests in zip(rows, named, strict=True) if len(tests) < 2] == []
    missing = [
        test
        for test in chain.from_iterable(named)
        if not re.search(rf"^ *(async )?def {test[1]}\(", (ROOT / test[0]).read_text(), re.M)
    ]
    assert missing == []


def test_every_cost_of_a_stranger_is_bounded_in_tests_that_there_are() -> None:
    """Fault 28: what anyone may ask for has its bound, and a test that holds it."""
    section = (DOCS / "security.md").read_text().split("## Limits of anonymous requests\n")[1].split("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| ")][1:]
    assert len(rows) >= 20
    assert [row[0] for row in rows if len(row) != 4 or not all(row)] == []
    named = [re.findall(r"`(tests/\S+?\.py)::(test_\w+)`", row[-1]) for row in rows]
    assert [row[0] for row, tests in zip(rows, named, strict=True) if not tests] == []
    missing = [
        test
        for test in chain.from_iterable(named)
        if not re.search(rf"^ *(async )?def {test[1]}\(", (ROOT / test[0]).read_text(), re.M)
    ]
    assert missing == []


def test_every_dependency_has_its_line() -> None:
    pinned = (ROOT / "requirements.txt").read_text().split("# What those bring")[0]
    names = set(re.findall(r"^([\w-]+)(?:\[.*\])?==", pinned, flags=re.M))
    text = (DOCS / "dependencies.md").read_text().lower()
    assert {name for name in names if name.lower() not in text} == set()


def test_every_file_named_in_the_documents_exists() -> None:
    texts = [path.read_text() for path in DOCS.glob("*.md") if path.name != "tutorial.md"]  # its files are the reader's
    named = chain.from_iterable(re.findall(r"`((?:bench|config|shop|tenants|tests)/[\w/.]+)`", text) for text in texts)
    assert {name for name in named if not (ROOT / name).exists()} == set()


def test_every_module_of_the_engine_has_a_floor_in_the_architecture() -> None:
    modules = {
        path.stem for path in (ROOT / "tenants").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    text = in_backticks("architecture.md")
    assert modules - text - {"__init__", "migrations", "templatetags"} == set()


def test_the_public_names_are_complete_and_sorted() -> None:
    assert tenants.__all__ == sorted(tenants.__all__, key=lambda name: (not name.isupper(), name))
    assert all(hasattr(tenants, name) for name in tenants.__all__)
