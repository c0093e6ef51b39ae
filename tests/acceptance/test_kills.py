"""kill -9, of a process or of a PostgreSQL backend, at any moment of any step: every tenant is old or new."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tenants.postgresql.embedded import embedded
from tests.acceptance.hand import Hand
from tests.tenants.postgresql.embedded.conftest import discard

KILLS = 20


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "data"
    discard(embedded(tmp_path / "data" / "postgres"))


@pytest.mark.timeout(900)
def test_after_twenty_kills_every_tenant_is_whole(data_dir: Path) -> None:
    chance = random.Random(int(os.environ.get("SANGGA_KILL_SEED", "11")))
    watcher = Hand(data_dir)
    watcher.do("prepare()")
    for number in range(4):
        watcher.do(f"create('old-{number}')")
    for number in range(KILLS):
        slug = f"new-{number}"
        deed = [f"create('{slug}')", "migrate('0001')", "migrate(None)", f"purge('{slug}')"][number % 4]
        if deed.startswith("purge"):
            watcher.do(f"create('{slug}')")
        victim = Hand(data_dir)
        victim.begin(deed)
        time.sleep(chance.uniform(0.005, 0.9))
        if number % 5 == 4:
            _kill_a_backend(watcher, victim)
        else:
            victim.kill()
        wrong = watcher.do("findings()")
        assert wrong == [], f"after {deed} was killed"
        kept = set(watcher.do("slugs()"))
        assert {f"old-{number}" for number in range(4)} <= kept
        if deed.startswith("create") and slug not in kept:
            watcher.do(deed)
        if deed.startswith("purge"):
            if slug in kept:
                watcher.do(deed)
            assert slug not in watcher.do("slugs()")
    assert watcher.do("migrate(None)") == []
    assert watcher.do("reconcile()") == []
    assert watcher.do("findings()") == []
    watcher.kill()


def _kill_a_backend(watcher: Hand, victim: Hand) -> None:
    """Kill what serves the victim: PostgreSQL restarts itself, and everybody's connections are gone."""
    pids = watcher.do("backends()")
    watcher.do("leave_database()")
    for pid in pids[:1]:
        os.kill(pid, signal.SIGKILL)
    victim.answer()
    victim.kill()
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        watcher.begin("slugs()")
        if "value" in watcher.answer():
            return
        time.sleep(0.1)
    pytest.fail("PostgreSQL did not come back.")
