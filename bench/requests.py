"""What a warm request costs. `python -m bench.requests`, or `make bench`.

Each contender answers in one process, over WSGI and without a network, for ten shops in turn: its API's list of twenty
goods, and a view that asks the database nothing. The shop's code and middleware are the same everywhere. ROUNDS
(default 12) is how often each has its turn, with forty requests a turn.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from itertools import product
from pathlib import Path
from statistics import median, quantiles

from bench.contenders import (
    DJANGO_TENANTS,
    PGSCHEMAS,
    PLAIN,
    SANGGA,
    Contender,
    Worker,
    build,
    is_installed,
    names_of_tenants,
    record_scripts,
)
from bench.measure import in_turn, ratio, table
from bench.report import header
from bench.server import address, own_server
from bench.ways import asked_for
from tests.wire import wiretap

TENANTS = 10
REQUESTS_A_TURN = 40
PATHS = {"list of goods": "/goods/", "view without a query": "/nothing/"}
BASE = "plain Django, kept connection"
CONTENDERS = {
    BASE: PLAIN,
    "plain Django, pool": Contender("plain", {"BENCH_POOL": "1"}),
    "Sangga, pool (as delivered)": SANGGA,
    "Sangga, kept connection": Contender("sangga", {"BENCH_KEPT": "1"}),
    "django-tenants": Contender("djangotenants"),
    "django-tenants, limited set calls": DJANGO_TENANTS,
    "django-pgschemas": Contender("pgschemas"),
    "django-pgschemas, limited set calls": PGSCHEMAS,
}
HOSTS = [f"{name}.localhost" for name in names_of_tenants(TENANTS)]


def installed() -> dict[str, Contender]:
    """Return those who can take part."""
    return {label: contender for label, contender in CONTENDERS.items() if is_installed(contender)}


def database_of(contender: Contender) -> str:
    """Return the database of a contender; its configurations share it."""
    return "bench_plain" if contender.key == "plain" else f"bench_requests_{contender.key}"


def prepare() -> None:
    """Make the databases, with goods in every shop."""
    record_scripts()
    for contender in (SANGGA, DJANGO_TENANTS, PGSCHEMAS):
        if is_installed(contender):
            build(contender, database_of(contender), TENANTS)
            with Worker(contender, database_of(contender)) as worker:
                worker.ask("stock", names=names_of_tenants(TENANTS))
    with Worker(PLAIN, "bench_plain") as worker:
        worker.ask("stock", names=["shop"])


@contextmanager
def workers(host: str = "") -> Iterator[dict[str, Worker]]:
    """Start one process for each contender and let it answer until all is warm."""
    with ExitStack() as running:
        started = {}
        for label, contender in installed().items():
            started[label] = running.enter_context(Worker(contender, database_of(contender), host))
            for path in PATHS.values():
                started[label].ask("get", path=path, hosts=HOSTS, times=2 * TENANTS)
        yield started


def measure(rounds: int) -> dict[tuple[str, str], list[list[float]]]:
    """Return the seconds of every request by what was asked for and contender, in turns."""
    with workers() as started:
        turns = {f"{what}|{label}": (what, label) for what, label in product(PATHS, started)}

        def once(turn: str) -> list[float]:
            what, label = turns[turn]
            return started[label].ask("get", path=PATHS[what], hosts=HOSTS, times=REQUESTS_A_TURN)

        return {turns[turn]: seconds for turn, seconds in in_turn(list(turns), rounds, once).items()}


def messages() -> dict[tuple[str, str], float]:
    """Return how many messages a warm request sends to PostgreSQL."""
    at = address()
    with (
        tempfile.TemporaryDirectory() as folder,
        wiretap(f"{at.host}/.s.PGSQL.{at.port}", Path(folder)) as wire,
        workers(folder) as started,
    ):
        sent = {}
        for what, label in product(PATHS, started):
            wire.taken()
            started[label].ask("get", path=PATHS[what], hosts=HOSTS, times=TENANTS)
            sent[what, label] = len(wire.taken()) / TENANTS
        return sent


def show(what: str, found: Mapping[tuple[str, str], list[list[float]]], sent: Mapping[tuple[str, str], float]) -> None:
    """Print a table for one page."""
    rows = []
    base = [median(turn) for turn in found[what, BASE]]
    for label in installed():
        turns = found[what, label]
        seconds = [second for turn in turns for second in turn]
        rows.append(
            [
                label,
                str(len(seconds)),
                f"{median(seconds) * 1000:.2f}",
                f"{quantiles(seconds, n=20)[-1] * 1000:.2f}",
                f"{sent[what, label]:.1f}",
                f"{ratio([median(turn) for turn in turns], base):.2f}" if label != BASE else "",
            ]
        )
    table(f"A {what}", ["", "requests", "median, ms", "p95, ms", "messages", f"this ÷ {BASE}"], rows)


def main() -> None:
    """Measure and print."""
    rounds = asked_for("ROUNDS", 12)
    with own_server():
        header("A warm request", rounds)
        prepare()
        found = measure(rounds)
        sent = messages()
        for what in PATHS:
            show(what, found, sent)


if __name__ == "__main__":
    main()
