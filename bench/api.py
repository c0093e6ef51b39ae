"""What listing goods over the API costs, beside django-ninja on plain Django. `python -m bench.api`, or `make bench`.

The single shop has the same models, goods and answers, the middleware of `startproject`, and nothing of Sangga's
engine. Twenty goods are listed in one process without a network, and over HTTP on loopback. ROUNDS (default 40) is how
often each has its turn.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from bench.contenders import Contender, Worker, migrate
from bench.http import ask, requests_a_second, served
from bench.measure import in_turn, ratio, table
from bench.report import header, verdicts
from bench.server import address, own_server
from bench.ways import asked_for
from tests.wire import wiretap

GOAL = 0.97
REQUESTS_A_TURN = 40
CLIENTS = 2
HOST, HOST_OF_CUSTOMER_A = "default-shop.localhost", "customer-a-shop.localhost"
GOODS = "/api/v1/goods"


@dataclass(frozen=True, slots=True)
class Listing:
    """Response with a list of goods."""

    contender: Contender
    host: str = HOST
    path: str = GOODS
    beside: str = ""
    """The listing that it is compared with."""

    @property
    def database(self) -> str:
        return f"bench_api_{self.contender.key}"


KEPT = {"BENCH_KEPT": "1"}
SINGLE, SANGGA = Contender("single"), Contender("delivered")
SINGLE_KEPT, SANGGA_KEPT = Contender("single", KEPT), Contender("delivered", KEPT)
LISTINGS = {
    "django-ninja, kept connection": Listing(SINGLE_KEPT),
    "Sangga, kept connection": Listing(SANGGA_KEPT, beside="django-ninja, kept connection"),
    "django-ninja, pool": Listing(SINGLE),
    "Sangga, pool (as delivered)": Listing(SANGGA, beside="django-ninja, pool"),
    "django-ninja, pool, related rows in lists": Listing(
        SINGLE, path="/api/v1/goods-in-lists", beside="django-ninja, pool"
    ),
    "django-ninja, pool, customer_a's join": Listing(SINGLE, path="/api/v1/goods-of-customer-a"),
    "Sangga, pool, customer_a": Listing(
        SANGGA, host=HOST_OF_CUSTOMER_A, beside="django-ninja, pool, customer_a's join"
    ),
}


def prepare() -> None:
    """Make both databases, with the same goods in every shop."""
    for contender, names in ((SINGLE, ["shop"]), (SANGGA, ["default-shop", "customer-a-shop"])):
        database = f"bench_api_{contender.key}"
        migrate(contender, database)
        with Worker(contender, database) as worker:
            if contender is SANGGA:
                worker.ask("create", names=names)
            worker.ask("stock", names=names)


@contextmanager
def workers(host: str = "") -> Iterator[dict[Contender, Worker]]:
    """Start one process for each contender, let it answer until all is warm, and yield them."""
    with ExitStack() as running:
        started: dict[Contender, Worker] = {}
        for listing in LISTINGS.values():
            if listing.contender not in started:
                worker = Worker(listing.contender, listing.database, host)
                started[listing.contender] = running.enter_context(worker)
            get(started, listing, REQUESTS_A_TURN)
        yield started


def get(started: Mapping[Contender, Worker], listing: Listing, times: int) -> list[float]:
    """Return the seconds that each of so many requests took."""
    found: list[float] = started[listing.contender].ask("get", path=listing.path, hosts=[listing.host], times=times)
    return found


@contextmanager
def servers() -> Iterator[dict[Contender, int]]:
    """Serve each contender, let it answer until all is warm, and yield the ports."""
    with ExitStack() as running:
        ports: dict[Contender, int] = {}
        for listing in LISTINGS.values():
            if listing.contender not in ports:
                ports[listing.contender] = running.enter_context(served(listing.contender, listing.database))
            load(ports, listing)
        check_answers(ports)
        yield ports


def load(ports: Mapping[Contender, int], listing: Listing) -> float:
    """Return how many requests a second were answered."""
    port = ports[listing.contender]
    return requests_a_second(port, listing.host, listing.path, clients=CLIENTS, times=REQUESTS_A_TURN)


def check_answers(ports: Mapping[Contender, int]) -> None:
    """Raise `RuntimeError` unless each answers with the same as the one that it stands beside."""

    def answer(listing: Listing) -> Any:
        found = json.loads(ask(ports[listing.contender], listing.host, listing.path, 1))
        for goods in found["items"]:
            del goods["created_at"], goods["updated_at"]
        return found

    for label, listing in LISTINGS.items():
        if listing.beside and answer(listing) != answer(LISTINGS[listing.beside]):
            raise RuntimeError(f"{label} answers with something else than {listing.beside}.")


def messages() -> dict[str, float]:
    """Return how many messages a warm request sends to PostgreSQL."""
    at = address()
    with (
        tempfile.TemporaryDirectory() as folder,
        wiretap(f"{at.host}/.s.PGSQL.{at.port}", Path(folder)) as wire,
        workers(folder) as started,
    ):
        sent = {}
        for label, listing in LISTINGS.items():
            wire.taken()
            get(started, listing, 10)
            sent[label] = len(wire.taken()) / 10
        return sent


def measure(rounds: int, once: Callable[[Listing], Any]) -> dict[str, list[Any]]:
    """Return what came of each turn, by label."""
    return in_turn(list(LISTINGS), rounds, lambda label: once(LISTINGS[label]))


def compared(rates: Mapping[str, list[float]]) -> dict[str, float]:
    """Return the requests a second of each as a part of those that it stands beside."""
    return {label: ratio(rates[label], rates[it.beside]) for label, it in LISTINGS.items() if it.beside}


def show_in_process(
    turns: Mapping[str, list[list[float]]], sent: Mapping[str, float], part: Mapping[str, float]
) -> None:
    """Print what a request took."""
    rows = []
    for label in LISTINGS:
        seconds = [second for turn in turns[label] for second in turn]
        figures = [f"{median(seconds) * 1000:.2f}", f"{quantiles(seconds, n=20)[-1] * 1000:.2f}", f"{sent[label]:.1f}"]
        rows.append([label, *figures, _part(part, label)])
    columns = ["", "median, ms", "p95, ms", "messages", "requests a second ÷ the one beside"]
    table("In one process", columns, rows)


def show_http(rates: Mapping[str, list[float]], part: Mapping[str, float]) -> None:
    """Print how many requests a second were answered."""
    rows = [[label, f"{median(rates[label]):.1f}", _part(part, label)] for label in LISTINGS]
    table(f"Over HTTP, {CLIENTS} clients", ["", "requests a second", "÷ the one beside"], rows)


def _part(part: Mapping[str, float], label: str) -> str:
    return f"{part[label]:.3f}" if label in part else ""


def main() -> None:
    """Measure and print."""
    rounds = asked_for("ROUNDS", 40)
    with own_server():
        header("Listing twenty goods over the API", rounds, peers=())
        prepare()
        with workers() as started:
            turns = measure(rounds, lambda listing: get(started, listing, REQUESTS_A_TURN))
        sent = messages()
        with servers() as ports:
            rates = measure(rounds, lambda listing: load(ports, listing))
    inside = compared({label: [1 / median(turn) for turn in found] for label, found in turns.items()})
    outside = compared(rates)
    show_in_process(turns, sent, inside)
    show_http(rates, outside)
    goals = [("in one process", inside), ("over HTTP", outside)]
    verdicts(
        [
            (f"{label}, {where}, at least {GOAL}", "of django-ninja's", part, part >= GOAL)
            for where, parts in goals
            for label, part in parts.items()
            if LISTINGS[label].contender.key == SANGGA.key
        ]
    )


if __name__ == "__main__":
    main()
