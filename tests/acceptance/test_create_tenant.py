"""`manage.py create_tenant` at a terminal asks for the owner's password."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

import pytest
from django.contrib.auth.models import User

from tenants import use_tenant
from tenants.lifecycle import delete_tenant, purge_tenant
from tenants.registry.lookup import tenant_by_slug
from tenants.registry.tenant_info import all_tenants
from tests.acceptance.test_worker import ROOT, database_url

OWNER = "owner@asked.example"


def open_at_a_terminal(typed: bytes) -> tuple[int, str]:
    """Open the shop `asked`, type once the question is there, and return exit code and output."""
    ours, its = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "django", "create_tenant", "asked", "--owner-email", OWNER],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": database_url(), "DJANGO_SETTINGS_MODULE": "tests.settings"},
        stdin=its,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stderr is not None
        question = ""
        while not question.endswith("link to set it): ") and (letter := process.stderr.read(1)):
            question += letter
        os.write(ours, typed + b"\n")
        output, errors = process.communicate(timeout=600)
    os.close(ours)
    os.close(its)
    return process.returncode, question + output + errors


@pytest.mark.parametrize("typed", ["correct horse battery", ""])
def test_the_password_is_asked_for_and_not_shown(committed: None, typed: str) -> None:
    code, said = open_at_a_terminal(typed.encode())
    assert code == 0, said
    try:
        with use_tenant(tenant_by_slug("asked")):
            owner = User.objects.get(email=OWNER)
            assert owner.has_usable_password() == bool(typed)
            assert not typed or owner.check_password(typed)
        assert ("set-password" in said) == (not typed)
        assert not typed or typed not in said
    finally:
        delete_tenant("asked")
        purge_tenant("asked")


def test_a_weak_password_opens_nothing(committed: None) -> None:
    code, said = open_at_a_terminal(b"12345")
    assert (code, "is not accepted" in said) == (1, True)
    assert all_tenants(slug="asked") == []
