"""Who is measured, and how each of them gets a database with tenants in it and a process that works on it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from types import TracebackType
from typing import Any

from bench.server import FOLDER, ROOT, environment, make_database

MANAGE = [sys.executable, "manage.py"]


@dataclass(frozen=True, slots=True, eq=False)
class Contender:
    """A building of shops, in one configuration."""

    key: str
    """Its package in `bench.peers`."""
    flags: Mapping[str, str] = field(default_factory=dict)
    """Environment variables that its settings read."""

    def environment(self, database: str, host: str = "") -> dict[str, str]:
        """Return what a process of it has to have in its environment."""
        return {
            **environment(database, host),
            "DJANGO_SETTINGS_MODULE": f"bench.peers.{self.key}.settings",
            "PYTHONPATH": os.pathsep.join(map(str, [ROOT, FOLDER])),
            **self.flags,
        }


PLAIN = Contender("plain")
SANGGA = Contender("sangga")
DJANGO_TENANTS = Contender("djangotenants", {"BENCH_LIMIT": "1"})
PGSCHEMAS = Contender("pgschemas", {"BENCH_LIMIT": "1"})

_DISTRIBUTIONS = {"djangotenants": "django-tenants", "pgschemas": "django-pgschemas"}
_MIGRATE_SHARED = {
    "sangga": ["migrate"],
    "delivered": ["migrate"],
    "noisy": ["migrate"],
    "single": ["migrate"],
    "djangotenants": ["migrate_schemas", "--shared"],
    "pgschemas": ["migrate", "--schema", "public"],
}


def is_installed(contender: Contender) -> bool:
    """Tell whether a peer could be installed: django-pgschemas asks for Python 3.12."""
    try:
        return not (name := _DISTRIBUTIONS.get(contender.key)) or bool(version(name))
    except PackageNotFoundError:
        return False


def versions() -> dict[str, str]:
    """Return the versions of what takes part, by name."""
    names = ["Django", "psycopg", *(_DISTRIBUTIONS[c.key] for c in (DJANGO_TENANTS, PGSCHEMAS) if is_installed(c))]
    return {name: version(name) for name in names}


class Worker:
    """A running `bench.worker`; `peak_mib` says, when it has ended, how much memory it took."""

    peak_mib = 0.0

    def __init__(self, contender: Contender, database: str, host: str = "") -> None:
        self._log = (FOLDER / f"{database}.log").open("ab")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.worker"],
            cwd=ROOT,
            env=os.environ | contender.environment(database, host),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        self._answer()

    def ask(self, task: str, **options: Any) -> Any:
        """Have a task of `bench.worker` done and return what it gives."""
        assert self._process.stdin is not None
        print(json.dumps({"task": task, **options}), file=self._process.stdin, flush=True)
        return json.loads(self._answer())

    def _answer(self) -> str:
        assert self._process.stdout is not None
        if not (line := self._process.stdout.readline()):
            raise RuntimeError(f"A worker ended before its time. Its output is in {self._log.name}")
        return line

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        _, status, usage = os.wait4(self._process.pid, 0)
        self._process.returncode = os.waitstatus_to_exitcode(status)
        self.peak_mib = usage.ru_maxrss / 1024
        self._log.close()


def names_of_tenants(count: int, start: int = 1) -> list[str]:
    """Return names that every contender takes for a tenant."""
    return [f"shop{number}" for number in range(start, start + count)]


def add_migration() -> None:
    """Put the migrations of `shop.goods` together with one more; while BENCH_ADDED is set, Django looks there."""
    package = FOLDER / "bench_goods_migrations"
    shutil.rmtree(package, ignore_errors=True)
    shutil.copytree(ROOT / "shop" / "goods" / "migrations", package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "bench" / "added_goods_origin.py", package)


def record_scripts() -> None:
    """Have plain Django write down what everybody has to send: `create.sql` and `add.sql`."""
    add_migration()
    make_database("bench_recorded")
    for flags in ({}, {"BENCH_ADDED": "1"}):
        command = [sys.executable, "-m", "bench.record", str(FOLDER)]
        subprocess.run(command, cwd=ROOT, env=os.environ | PLAIN.environment("bench_recorded") | flags, check=True)
    make_database("bench_plain")
    subprocess.run(
        [*MANAGE, "migrate", "--verbosity=0"],
        cwd=ROOT,
        env=os.environ | PLAIN.environment("bench_plain"),
        check=True,
    )


def migrate(contender: Contender, database: str) -> None:
    """Make a database with everything in it but tenants."""
    make_database(database)
    subprocess.run(
        [*MANAGE, *_MIGRATE_SHARED[contender.key], "--verbosity=0"],
        cwd=ROOT,
        env=os.environ | contender.environment(database),
        stdout=subprocess.DEVNULL,
        check=True,
    )


def build(contender: Contender, database: str, tenants: int) -> None:
    """Make a database with so many tenants in it: Sangga's by itself, the others' by SQL, which is quicker."""
    migrate(contender, database)
    with Worker(contender, database) as worker:
        if contender.key == "sangga":
            worker.ask("create", names=names_of_tenants(tenants))
        else:
            worker.ask("adopt", names=names_of_tenants(tenants), script=str(FOLDER / "create.sql"))
