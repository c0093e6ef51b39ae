"""Whether a deleted shop can be told by time from one that never was. `python -m bench.hosts`, or `make bench`.

One process answers over WSGI and without a network, which is more than anybody outside can measure: hosts of ten shops
that were deleted, ten that never were, and hosts that were never requested, new ones each time. Ten others that
never were show how far the figures move by themselves. ROUNDS (default 200) is how often each has its turn, of 50
requests.
"""

from __future__ import annotations

import os
import secrets
import subprocess
from collections.abc import Mapping, Sequence
from statistics import median, quantiles

from bench.contenders import MANAGE, SANGGA, Worker, build, names_of_tenants
from bench.measure import in_turn, table
from bench.report import header
from bench.server import ROOT, own_server
from bench.ways import asked_for

DATABASE = "bench_hosts"
SHOPS, DELETED = 20, 10
REQUESTS_A_TURN = 50
STATUS = "404 Not Found"
NEVER, AGAIN, GONE, FIRST = "never was", "never was, ten others", "was deleted", "never was, asked for the first time"


def prepare() -> None:
    """Open shops, and delete the first of them."""
    build(SANGGA, DATABASE, SHOPS)
    for slug in names_of_tenants(DELETED):
        subprocess.run(
            [*MANAGE, "delete_tenant", slug, slug, "--verbosity=0"],
            cwd=ROOT,
            env=os.environ | SANGGA.environment(DATABASE),
            stdout=subprocess.DEVNULL,
            check=True,
        )


def hosts(slugs: Sequence[str]) -> list[str]:
    return [f"{slug}.localhost" for slug in slugs]


def hosts_of(what: str) -> list[str]:
    """Return the hosts that are asked for in one turn; all are about as long."""
    if what == FIRST:
        return hosts([f"nob{secrets.token_hex(2)}" for _ in range(REQUESTS_A_TURN)])
    first = {GONE: "shop", NEVER: "noby", AGAIN: "nobx"}[what]
    return hosts([f"{first}{number}" for number in range(1, DELETED + 1)])


def measure(worker: Worker, rounds: int) -> Mapping[str, list[float]]:
    """Return the seconds of all requests, by what was asked for."""

    def once(what: str) -> list[float]:
        asked = hosts_of(what)
        found: list[float] = worker.ask("get", path="/", hosts=asked, times=REQUESTS_A_TURN, status=STATUS)
        return found

    turns = in_turn([NEVER, GONE, FIRST, AGAIN], rounds, once)
    return {what: [second for turn in found for second in turn] for what, found in turns.items()}


def show(found: Mapping[str, list[float]]) -> None:
    """Print the table."""
    middle, ninetieth = median(found[NEVER]), p90(found[NEVER])
    rows = [
        [
            what,
            str(len(seconds)),
            f"{median(seconds) * 1e6:.1f}",
            f"{p90(seconds) * 1e6:.1f}",
            f"{median(seconds) / middle:.3f}",
            f"{p90(seconds) / ninetieth:.3f}",
        ]
        for what, seconds in found.items()
    ]
    columns = ["a shop that", "requests", "median, µs", "p90, µs", "median ÷ the first", "p90 ÷ the first"]
    table("An unknown host", columns, rows)


def p90(seconds: Sequence[float]) -> float:
    """Return within how many seconds nine of ten were answered."""
    return quantiles(seconds, n=10)[-1]


def main() -> None:
    """Measure and print."""
    rounds = asked_for("ROUNDS", 200)
    with own_server():
        header("A deleted shop's host", rounds, peers=())
        prepare()
        with Worker(SANGGA, DATABASE) as worker:
            measure(worker, 2)
            show(measure(worker, rounds))


if __name__ == "__main__":
    main()
