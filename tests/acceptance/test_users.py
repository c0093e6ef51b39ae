"""Any User model, in any place, with Django's admin and with the engine's: a third-party project in ten ways."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.foreign import Run, RunInCopy, left_by

WAYS = [
    (place, user, admin)
    for place in ("public", "tenants", "both")
    for user in ("own", "stock")
    for admin in ("stock", "contrib")
    if (place, admin) != ("tenants", "contrib")
]
CHECKED = [("public", "own", "stock"), ("tenants", "own", "stock"), ("both", "own", "contrib")]


@pytest.fixture
def run(run_in_copy: RunInCopy) -> Run:
    return run_in_copy("foreign_users", "PORTAL_MEDIA")


def settings_of(place: str, user: str, admin: str) -> dict[str, str]:
    return {"PORTAL_USERS_IN": place, "PORTAL_USER": user, "PORTAL_ADMIN": admin}


@pytest.mark.parametrize("way", WAYS, ids="-".join)
def test_users_sign_in_and_tenants_are_created_in_every_way(run: Run, database: str, way: tuple[str, ...]) -> None:
    # As in scripts/test-matrix, a warning of Django 6.1 about unfold is no failure.
    warnings = ("-W", "error", "-W", "default:Overriding get_action_choices")
    done = run(*warnings, "manage.py", "test", **settings_of(*way))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Ran 25 tests" in done.stderr
    assert left_by(database) == set()


@pytest.mark.parametrize("way", CHECKED, ids="-".join)
def test_project_keeps_tenants_apart_with_its_own_users(
    run: Run, database: str, tmp_path: Path, way: tuple[str, ...]
) -> None:
    settings = settings_of(*way)
    for command in (["check", "--fail-level", "WARNING"], ["makemigrations", "--check", "--dry-run"]):
        done = run("manage.py", *command, **settings)
        assert done.returncode == 0, done.stdout + done.stderr
    done = run("manage.py", "check_isolation", **settings)
    assert done.returncode == 0, done.stdout + done.stderr
    assert left_by(database) == set()
    assert list((tmp_path / "media").iterdir()) == []


def test_operators_without_accounts_are_an_error_of_the_check(run: Run) -> None:
    done = run("manage.py", "check", **settings_of("tenants", "own", "contrib"))
    assert (done.returncode, "tenants.E033" in done.stderr) == (1, True)
