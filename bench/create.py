"""Opening one tenant, with its owner and the rows of its setup steps. `python -m bench.create`, or `make bench`.

Each contender opens its tenants in a process that stays up, in a database with ten tenants; the first one in the life
of such a process, which has all to work out, is listed by itself. ROUNDS (default 5) is how often each has its turn,
with two tenants a turn.

Let some minutes pass after files were deleted in masses, as when databases are dropped: ext4 looks at the inodes of
recently deleted files for each new one (Linux, fs/ext4/ialloc.c, `recently_deleted`), which makes a schema take up to
three times as long for the next contender. So nothing is dropped here before the end.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from statistics import mean, median

from bench.contenders import (
    DJANGO_TENANTS,
    PGSCHEMAS,
    SANGGA,
    Contender,
    Worker,
    build,
    is_installed,
    record_scripts,
)
from bench.measure import in_turn, ratio, table
from bench.report import header, verdicts
from bench.server import FOLDER, address, connect, environment, make_database, own_server, server
from bench.ways import asked_for
from tests.wire import wiretap

TENANTS = 10
TENANTS_A_TURN = 2
OURS = "Sangga"
ONE_MESSAGE = "the same DDL, one message"
WITH_ROLE = "the same DDL with role and rights, one message"
PSQL = "the same DDL, psql -1"
CLONING = {"BENCH_CLONE": "1"}
PEERS = {
    "django-tenants, migrate": DJANGO_TENANTS,
    "django-tenants, clone": Contender("djangotenants", {**DJANGO_TENANTS.flags, **CLONING}),
    "django-pgschemas, migrate": PGSCHEMAS,
    "django-pgschemas, clone": Contender("pgschemas", {**PGSCHEMAS.flags, **CLONING}),
}
Turn = Callable[[], list[float]]


def peers() -> dict[str, Contender]:
    """Return the peers that are installed."""
    return {label: peer for label, peer in PEERS.items() if is_installed(peer)}


def prepare() -> None:
    """Make the databases, those of cloning peers with a schema to clone."""
    record_scripts()
    build(SANGGA, "bench_create_sangga", TENANTS)
    make_database("bench_create_bare", copy_of="bench_create_sangga")
    for label, peer in peers().items():
        build(peer, database_of(label), TENANTS)
        if peer.flags.keys() & CLONING:
            with Worker(peer, database_of(label)) as worker:
                worker.ask("make_template")


def database_of(label: str) -> str:
    """Return the database of a contender."""
    return "bench_create_" + re.sub(r"\W+", "_", label.lower())


def messages_of_one() -> list[str]:
    """Return what Sangga sends to open a tenant, when it has opened one before."""
    at = address()
    with (
        tempfile.TemporaryDirectory() as folder,
        wiretap(f"{at.host}/.s.PGSQL.{at.port}", Path(folder)) as wire,
        Worker(SANGGA, "bench_create_sangga", folder) as worker,
    ):
        worker.ask("create", names=["heard1"])
        wire.taken()
        worker.ask("create", names=["heard2"])
        return wire.taken()


def statements_about_roles(messages: list[str]) -> str:
    """Return those of the messages that make the tenant's role and give it its rights, with `{}` for the schema."""
    kept = [message for message in messages if message.startswith("CREATE ROLE") or "GRANT USAGE ON SCHEMA" in message]
    schema = next(filter(None, (re.search(r'ON SCHEMA "(t_\d+)"', message) for message in kept)))[1]
    text = "".join(message.rstrip("; \n") + ";\n" for message in kept)
    return re.sub(rf'"\w*{schema}"', lambda name: '"bench_bare_role_{}"' if "_t_" in name[0] else '"{}"', text)


class Bare:
    """PostgreSQL without Django: schemas made of the SQL that Django's `migrate` sends."""

    def __init__(self, roles: str) -> None:
        self._ddl = (FOLDER / "create.sql").read_text()
        self._roles = roles
        self._connection = connect("bench_create_bare")
        self._names = (f"bare_{number}" for number in count(1))

    def one_message(self, *, with_role: bool = False) -> list[float]:
        """Send everything as one message, which is one transaction."""
        return [self._send(with_role) for _ in range(TENANTS_A_TURN)]

    def _send(self, with_role: bool) -> float:
        script = self._script(with_role)
        started = time.perf_counter()
        self._connection.execute(script)
        return time.perf_counter() - started

    def _script(self, with_role: bool = False) -> str:
        name = next(self._names)
        roles = self._roles.replace("{}", name) if with_role else ""
        return f'CREATE SCHEMA "{name}";\n{roles}SET LOCAL search_path = "{name}";\n{self._ddl}'

    def psql(self) -> list[float]:
        """Have psql send the statements in one transaction; its start is counted."""
        return [self._psql() for _ in range(TENANTS_A_TURN)]

    def _psql(self) -> float:
        file = FOLDER / "create-one.sql"
        file.write_text(self._script())
        command = [str(server.bindir / "psql"), "-qX1", "-v", "ON_ERROR_STOP=1", "-o", "/dev/null", "-f", str(file)]
        started = time.perf_counter()
        subprocess.run(command, env=environment("bench_create_bare"), check=True)
        return time.perf_counter() - started


def turns_of(worker: Worker, names: Iterator[str]) -> Turn:
    """Return what opens the tenants of one turn."""
    return lambda: worker.ask("create", names=[next(names) for _ in range(TENANTS_A_TURN)])


def measure(bare: Bare, rounds: int) -> tuple[dict[str, list[list[float]]], dict[str, float], dict[str, float]]:
    """Return the seconds of every tenant by contender and turn, those of the first ones, and the peaks of memory."""
    turns: dict[str, Turn] = {
        ONE_MESSAGE: bare.one_message,
        WITH_ROLE: lambda: bare.one_message(with_role=True),
        PSQL: bare.psql,
    }
    first, workers = {}, {}
    with ExitStack() as open_workers:
        for label, contender in {OURS: SANGGA, **peers()}.items():
            workers[label] = open_workers.enter_context(Worker(contender, database_of(label)))
            names = (f"new{number}" for number in count(1))
            first[label] = workers[label].ask("create", names=[next(names)])[0]
            turns[label] = turns_of(workers[label], names)
        found = in_turn(list(turns), rounds, lambda label: turns[label]())
    return found, first, {label: worker.peak_mib for label, worker in workers.items()}


def show(found: Mapping[str, list[list[float]]], first: Mapping[str, float], peaks: Mapping[str, float]) -> None:
    """Print the table."""
    ours = [mean(turn) for turn in found[OURS]]
    rows = []
    for label in [OURS, *(label for label in found if label != OURS)]:
        seconds = [second for turn in found[label] for second in turn]
        rows.append(
            [
                label,
                str(len(seconds)),
                f"{median(seconds) * 1000:.0f}",
                f"{first[label] * 1000:.0f}" if label in first else "",
                f"{peaks[label]:.0f}" if label in peaks else "",
                f"{ratio(ours, [mean(turn) for turn in found[label]]):.2f}" if label != OURS else "",
            ]
        )
    title = f"Opening a tenant, beside {TENANTS} others"
    table(title, ["", "tenants", "ms", "first of a process, ms", "peak MiB", "Sangga ÷ this"], rows)


def main() -> None:
    """Measure and print."""
    rounds = asked_for("ROUNDS", 5)
    with own_server():
        header("Opening a tenant", rounds)
        prepare()
        messages = messages_of_one()
        found, first, peaks = measure(Bare(statements_about_roles(messages)), rounds)
        show(found, first, peaks)
        table("Messages to PostgreSQL", ["", "messages"], [[OURS, str(len(messages))]])
        ours = [mean(turn) for turn in found[OURS]]
        figures = {label: ratio(ours, [mean(turn) for turn in found[label]]) for label in (WITH_ROLE, ONE_MESSAGE)}
        verdicts([(f"at most 1.3 × {label}", "÷", figure, figure <= 1.3) for label, figure in figures.items()])


if __name__ == "__main__":
    main()
