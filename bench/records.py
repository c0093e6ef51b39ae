"""What the record guard costs: listing 1,000 rows with it and without it, side by side.

`python -m bench.records`; ROUNDS=20 for a quick look. Everything but the guard is the same in both
processes, whose own time is taken.
"""

from __future__ import annotations

from contextlib import ExitStack
from statistics import median

from bench.contenders import SANGGA, Contender, Worker, build
from bench.measure import in_turn, ratio, table
from bench.report import header, verdicts
from bench.server import own_server
from bench.ways import asked_for

DATABASE = "bench_records"
ROWS = 1_000
TIMES_A_TURN = 5
LIMIT = 1.02

GUARDED = "Sangga"
UNGUARDED = "Sangga without the guard"
CONTENDERS = {
    GUARDED: Contender("sangga", {"BENCH_KEPT": "1"}),
    UNGUARDED: Contender("sangga", {"BENCH_KEPT": "1", "BENCH_UNGUARDED": "1"}),
}
WHAT = {"list": "list(Goods.objects.all())", "prefetch": "…prefetch_related('skus')", "one": "Goods.objects.get(pk=…)"}


def prepare() -> None:
    """Make a database with 1,000 goods in its one shop."""
    build(SANGGA, DATABASE, 1)
    with Worker(SANGGA, DATABASE) as worker:
        worker.ask("stock_many", name="shop1", rows=ROWS)


def measure(rounds: int) -> dict[str, list[float]]:
    """Return the medians of each turn, in seconds, by `what|contender`."""
    with ExitStack() as running:
        workers = {label: running.enter_context(Worker(contender, DATABASE)) for label, contender in CONTENDERS.items()}
        for what in WHAT:
            for worker in workers.values():
                worker.ask("read", name="shop1", what=what, times=TIMES_A_TURN)

        def once(turn: str) -> float:
            what, label = turn.split("|")
            return median(workers[label].ask("read", name="shop1", what=what, times=TIMES_A_TURN))

        return in_turn([f"{what}|{label}" for what in WHAT for label in CONTENDERS], rounds, once)


def main() -> None:
    """Measure and print."""
    rounds = asked_for("ROUNDS", 100)
    with own_server():
        header("Listing 1,000 rows", rounds)
        prepare()
        found = measure(rounds)
    for what, title in WHAT.items():
        base = found[f"{what}|{UNGUARDED}"]
        rows = []
        for label in CONTENDERS:
            turns = found[f"{what}|{label}"]
            against = f"{ratio(turns, base):.3f}" if label != UNGUARDED else ""
            rows.append([label, f"{median(turns) * 1000:.3f}", against])
        table(title, ["", "median, ms of the process", f"this ÷ {UNGUARDED}"], rows)
    cost = ratio(found[f"list|{GUARDED}"], found[f"list|{UNGUARDED}"])
    verdicts([("the guard on listing 1,000 rows, at most 1.02", "times", cost, cost <= LIMIT)])


if __name__ == "__main__":
    main()
