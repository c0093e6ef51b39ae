"""`manage.py migrate_tenants` as a separate process: on a terminal, interrupted, and two at once."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tenants import TenantInfo
from tests.acceptance.test_worker import ROOT, behind, database_url, in_the_way_of, kill, left_behind

OpenShop = Callable[..., TenantInfo]
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(committed: None) -> Iterator[Start]:
    """Return a function that starts the command for some shops; none is running after the test."""
    started: list[subprocess.Popen[str]] = []

    def start(shops: list[TenantInfo], *words: str, **pipes: Any) -> subprocess.Popen[str]:
        chosen = [word for shop in shops for word in ("--tenant", shop.slug)]
        settings = {"DATABASE_URL": database_url(), "DJANGO_SETTINGS_MODULE": "tests.settings", "TERM": "xterm"}
        started.append(
            subprocess.Popen(
                [sys.executable, "-m", "django", "migrate_tenants", *words, *chosen],
                cwd=ROOT,
                env={**os.environ, **settings},
                text=True,
                **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **pipes},
            )
        )
        return started[-1]

    yield start
    for process in started:
        kill(process)


def test_ctrl_c_finishes_running_tenants_and_says_how_to_continue(start: Start, open_shop: OpenShop) -> None:
    shops = left_behind(open_shop, 3)
    with in_the_way_of(shops[0]) as wait_until_awaited:
        process = start(shops, "--jobs=1", "--lock-timeout=0")
        wait_until_awaited()
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        assert "Stopping after the tenants in progress" in process.stderr.readline()
    output, errors = process.communicate(timeout=600)
    assert f"{shops[0].slug}: 4 migrations in " in output
    assert "Stopped with 2 tenants left. To continue, run: manage.py migrate_tenants" in errors
    assert (process.returncode, "Traceback" in errors) == (1, False)
    assert [shop.slug for shop in behind(shops)] == [shop.slug for shop in shops[1:]]
    start(shops).communicate(timeout=600)
    assert behind(shops) == []


def test_a_terminal_shows_a_bar_that_ends_with_all(start: Start, open_shop: OpenShop) -> None:
    shops = left_behind(open_shop, 3)
    ours, its = pty.openpty()
    process = start(shops, stderr=its)
    os.close(its)
    shown = b""
    try:
        while block := os.read(ours, 4096):
            shown += block
    except OSError:  # how Linux reports that the other end of a terminal is closed
        pass
    os.close(ours)
    output, _ = process.communicate(timeout=600)
    last = shown.decode().strip().rpartition("Migrating")[2]
    assert "3/3" in last
    assert output.strip() == "3 migrated, 0 failed, 0 were up to date."


def test_two_commands_at_once_share_the_work(start: Start, open_shop: OpenShop) -> None:
    shops = left_behind(open_shop, 6)
    processes = [start(shops, "--jobs=2") for _ in range(2)]
    outputs = [process.communicate(timeout=600) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    said = "".join(output for output, _ in outputs)
    for shop in shops:
        assert len(re.findall(rf"^{shop.slug}: 4 migrations in ", said, re.M)) == 1
    assert behind(shops) == []
