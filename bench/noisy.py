"""What a shop notices of a noisy neighbour. `python -m bench.noisy`, or `make bench`.

The shops are served as `make services` serves them: a gateway, and three processes behind it (ONE=1: one process alone,
as `make demo`). The quiet shop is asked for its list of twenty goods 25 times a second, however long each takes; its
neighbour has forty visitors who ask for what is dear, one thing after the other, and come again when they are refused.
A turn of being alone once more shows how far p99 moves by itself, and one beside a busy process that has nothing to do
with us, what any work on the same two cores does. ROUNDS (default 4) is how often each has its turn, of SECONDS (6).
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager as Context
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from statistics import median, quantiles
from typing import Any

import psutil

from bench.contenders import Contender, Worker, migrate
from bench.http import running, served
from bench.measure import console, in_turn, ratio, table
from bench.report import header, verdicts
from bench.server import ROOT, connect, own_server
from bench.ways import asked_for

DATABASE = "bench_noisy"
NOISY = Contender("noisy")
SHOP = Contender("noisy", {"SERVICE": "shop"})
# As the Procfile has it.
GATEWAY = Contender(
    "noisy", {"SERVICE": "gateway", "SANGGA_GATEWAY_LIMITS_FACTOR": "3", "SANGGA_GATEWAY_CONCURRENCY": "1"}
)
PROCESSES = 3
THREADS_OF_DEMO = 64
QUIET = "quiet"
LIST = "/api/v1/goods"
RATE = 25
GOODS = f"{LIST}?limit=100&ordering=price"
SEARCH = f"{GOODS}&search=thing+1"
DEAR = [GOODS, SEARCH, GOODS, SEARCH, "/report/"]
"""What the neighbour's visitors ask for: lists sorted by price, searches, and a report that never ends."""
VISITORS = 40
NOISY_GOODS = 3_000
NOISE_AHEAD = 2.0
"""Seconds for which the neighbour is noisy before anything is measured."""
REST = 0.5
GOAL = 1.25
ALONE, AGAIN, BUSY = "no other shop", "no other shop, again", "a process without Sangga"
DELIVERED, TIGHT, UNLIMITED = "a shop with the delivered plan", "a shop with tight limits", "a shop without limits"
NEIGHBOURS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    DELIVERED: ("delivered", {}),
    TIGHT: ("tight", {"max_concurrency": 1, "max_rate": 2, "max_burst": 10, "max_statement_seconds": 1}),
    UNLIMITED: ("unlimited", {"plan": "unlimited"}),
}
"""The slug of each, and what it has that others have not."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What both shops' visitors got in one turn."""

    seconds: Sequence[float]
    """How long each request of the quiet shop took."""
    failed: int
    late: Sequence[float]
    """How many seconds after its moment each was sent: what the machine did to the visitors, and not to the shop."""
    cores: float
    """How many processors were at work, on average."""
    noise: Counter[str] = field(default_factory=Counter)
    """How often the neighbour's visitors got which status."""

    @property
    def p99(self) -> float:
        return p99([self])


def p99(turns: Sequence[Turn]) -> float:
    """Return the seconds within which 99 of 100 requests of all these turns were answered."""
    return quantiles([each for turn in turns for each in turn.seconds], n=100, method="inclusive")[98]


def prepare() -> None:
    """Make a database with a quiet shop and its neighbours, each with its plan and limits."""
    migrate(NOISY, DATABASE)
    slugs = [slug for slug, _ in NEIGHBOURS.values()]
    with Worker(NOISY, DATABASE) as worker:
        worker.ask("create", names=[QUIET, *slugs])
        worker.ask("stock", names=[QUIET])
        for slug in slugs:
            worker.ask("stock_many", name=slug, rows=NOISY_GOODS)
    with connect(DATABASE) as connection:
        for slug, own in NEIGHBOURS.values():
            for name, value in own.items():
                connection.execute(f"UPDATE tenants_tenant SET {name} = %s WHERE slug = %s".encode(), [value, slug])
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")


@contextmanager
def served_as_services() -> Iterator[int]:
    """Serve the shops by three processes behind a gateway; the value is its port."""
    with ExitStack() as shops:
        ports = [shops.enter_context(served(SHOP, DATABASE)) for _ in range(PROCESSES)]
        with Worker(NOISY, DATABASE) as worker:
            worker.ask("register", ports=ports)
        with running(["manage.py", "run_gateway"], GATEWAY.environment(DATABASE), "gateway") as port:
            yield port


def visitors(who: str, nice: int, **order: Any) -> subprocess.Popen[str]:
    """Send visitors off; they tell what they got on standard output."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.visitors"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    print(json.dumps({"who": who, "nice": nice, **order}), file=process.stdin, flush=True)
    return process


def host(slug: str) -> str:
    return f"{slug}.localhost"


def visit(port: int, slug: str, seconds: float, seed: int) -> tuple[dict[str, Any], float]:
    """Let the quiet shop's visitors come; return what they got, and how many processors were at work meanwhile."""
    busy, started = busy_seconds(), time.perf_counter()
    process = visitors("steady", 0, port=port, host=host(slug), path=LIST, rate=RATE, seconds=seconds, seed=seed)
    said, _ = process.communicate()
    return json.loads(said), (busy_seconds() - busy) / (time.perf_counter() - started)


def busy_seconds() -> float:
    """Return for how long all processors together have worked."""
    times = psutil.cpu_times()
    return float(times.user + times.system + times.nice)


@contextmanager
def noise(port: int, slug: str, got: Counter[str]) -> Iterator[None]:
    """Have the neighbour's visitors about inside the block, and all that they asked for done after it."""
    # They have machines of their own: what they do here must not slow down the server.
    process = visitors("crowd", 15, port=port, host=host(slug), paths=DEAR, visitors=VISITORS)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        time.sleep(NOISE_AHEAD)
        yield
        process.stdin.close()
        while process.poll() is None:
            cancel_reports()
            time.sleep(0.1)
        got.update(json.loads(process.stdout.read())["statuses"])
        settle()
    finally:
        process.kill()
        process.wait()


def settle() -> None:
    """Wait until nothing is done any more for visitors who have given up; a minute at most."""
    idle_looks, deadline = 0, time.monotonic() + 60
    while idle_looks < 4 and time.monotonic() < deadline:
        idle_looks = 0 if cancel_reports() else idle_looks + 1
        time.sleep(0.25)


def cancel_reports() -> int:
    """Cancel the statements that would go on for minutes when a turn is over; return how many were at work at all."""
    with connect() as connection:
        connection.execute(
            "SELECT pg_cancel_backend(pid) FROM pg_stat_activity"
            " WHERE datname = %s AND state = 'active' AND query LIKE '%%AS endless%%'",
            [DATABASE],
        )
        row = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND state <> 'idle'", [DATABASE]
        ).fetchone()
    return int(row[0]) if row else 0


@contextmanager
def busy_process() -> Iterator[None]:
    """Keep one processor at work, with nothing of ours, inside the block."""
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def around(way: str, port: int, got: Counter[str]) -> Context[None]:
    """Return what goes on beside the quiet shop."""
    if way == BUSY:
        return busy_process()
    return noise(port, NEIGHBOURS[way][0], got) if way in NEIGHBOURS else nullcontext()


def measure(port: int, rounds: int, seconds: int) -> Mapping[str, list[Turn]]:
    """Return what was measured beside each neighbour, in turns."""
    taken: Counter[str] = Counter()

    def once(way: str) -> Turn:
        got = Counter[str]()
        time.sleep(REST)
        with around(way, port, got):
            found, cores = visit(port, QUIET, seconds, seed=taken[way])
        taken[way] += 1
        failed = sum(found["statuses"].values()) - found["statuses"].get("200", 0)
        return Turn(found["seconds"], failed, found["late"], cores, got)

    return in_turn([ALONE, DELIVERED, TIGHT, UNLIMITED, BUSY, AGAIN], rounds, once)


def warm_up(port: int) -> None:
    """Let every process answer for every shop, with all that it loads and looks up the first time."""
    for slug in (QUIET, *(slug for slug, _ in NEIGHBOURS.values()), QUIET):
        visit(port, slug, 1, seed=0)


def against_alone(found: Mapping[str, list[Turn]], way: str) -> float:
    """Return the median of p99 ÷ that of being alone, each pair from the same round."""
    return ratio([turn.p99 for turn in found[way]], [turn.p99 for turn in found[ALONE]])


def show(found: Mapping[str, list[Turn]]) -> None:
    """Print the table."""
    rows = []
    for way, turns in found.items():
        got = sum((turn.noise for turn in turns), Counter[str]())
        seconds = [each for turn in turns for each in turn.seconds]
        of_all = p99(turns)
        figures = [f"{median(seconds) * 1000:.1f}", f"{of_all * 1000:.1f}", f"{of_all / p99(found[ALONE]):.2f}"]
        paired = f"{against_alone(found, way):.2f} ({', '.join(f'{turn.p99 * 1000:.0f}' for turn in turns)})"
        cores = f"{median(turn.cores for turn in turns):.2f}"
        told = ", ".join(f"{count} × {status}" for status, count in sorted(got.items()))
        rows.append([way, str(len(seconds)), str(sum(turn.failed for turn in turns)), *figures, paired, cores, told])
    columns = ["beside it", "requests", "failed", "p50, ms", "p99, ms", "÷ alone", "by round", "cores", "neighbour got"]
    table("The quiet shop", columns, rows)


def main() -> None:
    """Measure and print."""
    rounds, seconds, is_one = asked_for("ROUNDS", 4), asked_for("SECONDS", 6), asked_for("ONE", 0)
    layout: Callable[[], Context[int]] = served_as_services
    if is_one:
        layout = lambda: served(NOISY, DATABASE, THREADS_OF_DEMO)  # noqa: E731
    with own_server(), ExitStack() as stack:
        header("A noisy neighbour", rounds, peers=())
        prepare()
        port = stack.enter_context(layout())
        warm_up(port)
        found = measure(port, rounds, seconds)
    console.print("One process." if is_one else f"A gateway, and {PROCESSES} processes behind it.")
    show(found)
    ways = [AGAIN, DELIVERED, TIGHT, BUSY]
    figures = {way: against_alone(found, way) for way in ways}
    verdicts([(f"p99 beside {way}, at most {GOAL}", "times", each, each <= GOAL) for way, each in figures.items()])


if __name__ == "__main__":
    main()
