"""Types of the installed distribution, as an IDE and mypy read them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.distribution.environments import Environment

CODE = """\
from tenants import TenantInfo, configure, current_tenant, run_in_threads, use_tenant

def slug_in(tenant: TenantInfo) -> str:
    with use_tenant(tenant) as active:
        return active.slug + current_tenant().schema

lengths: list[int] = run_in_threads(len, ["a", "bc"])
configure(globals(), tenant=["notes"])
reveal_type(slug_in)
"""


def mypy(bare: Environment, folder: Path, code: str) -> str:
    (folder / "user.py").write_text(code)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--python-executable", str(bare.python), "user.py"],
        cwd=folder, env=bare.variables, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.stdout


def test_names_for_apps_are_typed_in_strict_mode(bare: Environment, tmp_path: Path) -> None:
    printed = mypy(bare, tmp_path, CODE)
    assert 'Revealed type is "def (tenant: tenants.context.TenantInfo) -> str"' in printed
    assert "Success: no issues found in 1 source file" in printed


def test_wrong_use_of_a_name_is_an_error_of_types(bare: Environment, tmp_path: Path) -> None:
    wrong = CODE.replace("use_tenant(tenant)", 'use_tenant("acme")').replace("len,", "print,")
    printed = mypy(bare, tmp_path, wrong)
    assert "[arg-type]" in printed
    assert "Found 2 errors in 1 file" in printed
