"""kill -9 of a process or a PostgreSQL backend, at any moment of an operation: every tenant is old or new."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tenants.contrib.devserver import embedded
from tests.acceptance.hand import Child, Hand, Mother
from tests.tenants.contrib.devserver.conftest import discard
from tests.waiting import eventually

KILLS = int(os.environ.get("SANGGA_KILLS", "8"))
"""Kills for each action. `SANGGA_KILLS=20 SANGGA_KILL_SEED=12 pytest tests/acceptance/test_kills.py` looks further."""
KILLS_OF_WORKERS = int(os.environ.get("SANGGA_KILLS", "5"))
"""Fewer: a worker notices only after seconds that another one died."""
BACKENDS = 4
"""Every fourth time it is not the process that is killed, but what serves it in PostgreSQL."""
OLD = ("old-0", "old-1", "old-2")


class Platform:
    """A separate data folder, a process that inspects it, and processes to kill."""

    def __init__(self, folder: Path) -> None:
        self.chance = random.Random(int(os.environ.get("SANGGA_KILL_SEED", "11")))
        self.watcher = Hand(folder / "data")
        self.watcher.do("start_without_fsync()")
        self.watcher.do("prepare()")
        for slug in OLD:
            self.watcher.do(f"create('{slug}')")
        self.mother = Mother(folder / "data")
        self.seconds = 0.0
        """How long the tested action takes."""

    def measure(self, action: str) -> None:
        """Run an action undisturbed, to know how long it takes."""
        answer, self.seconds = self.mother.send(action).end()
        assert "value" in answer, answer

    def cut_short(self, number: int, action: str) -> None:
        """Start an action, and kill its process or its PostgreSQL backend at a random moment."""
        child = self.mother.send(action)
        time.sleep(self.chance.uniform(0, self.seconds))
        if number % BACKENDS == BACKENDS - 1:
            self.kill_a_backend(child)
        else:
            child.kill()
        self.assert_whole(action)

    def assert_whole(self, action: str) -> None:
        wrong = self.watcher.do("findings()")
        assert wrong == [], f"after {action} was killed"
        assert set(OLD) <= set(self.slugs())

    def kill_a_backend(self, child: Child | None = None) -> None:
        """Kill a PostgreSQL backend: the server restarts itself and drops all connections.

        Waits for the end of `child`, which has lost what it did.
        """
        pids = self.watcher.do("backends()")
        self.watcher.do("leave_database()")
        for pid in self.chance.sample(pids, k=min(1, len(pids))):
            with suppress(ProcessLookupError):  # it was done in the meantime
                os.kill(pid, signal.SIGKILL)
        if child is not None:
            child.end()
        assert eventually(self._is_back, seconds=120), "PostgreSQL did not come back."

    def _is_back(self) -> bool:
        self.watcher.begin("connect()")
        return "value" in self.watcher.answer()

    def slugs(self) -> list[str]:
        return list(self.watcher.do("slugs()"))

    def portraits(self) -> list[str]:
        return [self.watcher.do(f"portrait('{slug}')") for slug in OLD]

    def structures(self) -> list[str]:
        return [self.watcher.do(f"structure('{slug}')") for slug in OLD]

    def assert_tidy(self) -> None:
        """Nothing is left over, once what a kill may leave has been cleared."""
        self.watcher.do("reconcile(drop_orphans=True)")
        assert self.watcher.do("reconcile()") == self.watcher.do("findings()") == self.watcher.do("behind()") == []
        assert sorted(self.slugs()) == sorted(OLD)


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """One for all tests, which leave in it what they found."""
    folder = tmp_path_factory.mktemp("kills")
    try:
        made = Platform(folder)
        yield made
        made.mother.kill()
        made.watcher.kill()
    finally:
        discard(embedded(folder / "data" / "postgres"))


Action = Callable[[str], str]


def create(slug: str) -> str:
    return f"create('{slug}')"


def clone(slug: str) -> str:
    return f"clone('old-0', '{slug}')"


def restore(slug: str) -> str:
    return f"restore('{slug}')"


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("action", [create, clone, restore])
def test_what_makes_a_tenant_makes_it_whole_or_not_at_all(platform: Platform, action: Action) -> None:
    platform.watcher.do("back_up('old-0')")
    before = platform.portraits()
    platform.measure(action("new"))
    platform.watcher.do("purge('new')")
    for number in range(KILLS):
        slug = f"new-{number}"
        platform.cut_short(number, action(slug))
        if slug not in platform.slugs():
            platform.watcher.do(action(slug))
        platform.watcher.do(f"purge('{slug}')")
    assert platform.portraits() == before
    platform.assert_tidy()


@pytest.mark.timeout(1800)
def test_a_restore_over_a_tenant_leaves_the_old_one_or_the_new_one(platform: Platform) -> None:
    platform.watcher.do("back_up('old-0')")
    platform.measure("restore_over('old-0')")
    look = "identity('old-0')"
    before = platform.watcher.do(look)
    for number in range(KILLS):
        platform.cut_short(number, "restore_over('old-0')")
        after = platform.watcher.do(look)
        assert after == before or after[0] != before[0], "it is neither the old one nor the new one"
        before = after
    platform.watcher.do("restore_over('old-0')")
    assert platform.watcher.do("schema_of('old-0')") != before[0]
    for replaced in set(platform.slugs()) - set(OLD):
        platform.watcher.do(f"purge('{replaced}')")
    platform.assert_tidy()


@pytest.mark.timeout(1800)
def test_a_run_is_finished_by_the_next(platform: Platform) -> None:
    platform.measure("migrate('0001')")
    platform.measure("migrate(None)")
    before = platform.structures()  # columns that went and came again stand behind the others
    for number in range(KILLS):
        platform.cut_short(number, ["migrate('0001')", "migrate(None)"][number % 2])
    assert platform.watcher.do("migrate(None)") == []
    platform.assert_tidy()
    assert platform.structures() == before


@pytest.mark.timeout(1800)
def test_a_purge_is_finished_by_the_next(platform: Platform) -> None:
    before = platform.portraits()
    platform.watcher.do("create('gone')")
    platform.measure("purge('gone')")
    for number in range(KILLS):
        slug = f"gone-{number}"
        platform.watcher.do(f"create('{slug}')")
        platform.cut_short(number, f"purge('{slug}')")
        if slug in platform.slugs():
            platform.watcher.do(f"purge('{slug}')")
        assert slug not in platform.slugs()
    assert platform.portraits() == before
    platform.assert_tidy()


@pytest.mark.timeout(1800)
def test_operation_of_a_killed_worker_is_finished_by_the_next(platform: Platform) -> None:
    for number in range(KILLS_OF_WORKERS):
        slug = f"copy-{number}"
        platform.watcher.do(["set_back()", f"ask_for_clone('old-0', '{slug}')"][number % 2])
        worker = platform.mother.send("work()")
        time.sleep(platform.chance.uniform(0, 3))
        if number % BACKENDS == BACKENDS - 1:
            platform.kill_a_backend()  # and the worker comes back by itself
        else:
            worker.kill()
            worker = platform.mother.send("work()")
        finish(platform)
        worker.kill()
        platform.assert_whole("work()")
        assert platform.watcher.do("behind()") == []
        if number % 2:
            platform.watcher.do(f"purge('{slug}')")  # which is there
    platform.assert_tidy()


def finish(platform: Platform) -> None:
    """Wait until workers have done all that was asked for; what failed without the database is asked for again."""
    while True:
        finished = eventually(lambda: platform.watcher.do("unfinished()") == [], seconds=120)
        assert finished, platform.watcher.do("unfinished()")
        if not platform.watcher.do("ask_again()"):
            return
