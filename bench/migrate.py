"""Migrating all tenants: nothing to do, and one column with an index. `python -m bench.migrate`, or `make bench`.

N (default 10) is how many tenants there are at most, PEERS_N (default 100) how many the peers get at most, and ROUNDS
(default 3) how often each way is run, in turn with the others.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from statistics import median

from bench.contenders import SANGGA, build, record_scripts
from bench.measure import Sample, console, in_turn, peak, ratio, table
from bench.report import header, verdicts
from bench.server import address, make_database, own_server
from bench.ways import (
    ADDED,
    LOOP,
    ONE_JOB,
    PLAIN_MIGRATE,
    PSQL,
    TWO_JOBS,
    TWO_LOOPS,
    Undo,
    Way,
    asked_for,
    peers,
    sizes,
    write_psql_script,
)
from tests.wire import wiretap

Found = Mapping[tuple[Way, int], Sequence[Sample]]


def prepare(counts: Sequence[int], peer_counts: Sequence[int]) -> None:
    """Make the databases."""
    record_scripts()
    for count in counts:
        with console.status(f"Opening {count} tenants …"):
            build(SANGGA, f"bench_sangga_{count}", count)
            make_database(f"bench_bare_{count}", copy_of=f"bench_sangga_{count}")
    for count in peer_counts:
        for contender in {way.contender for way in peers() if way.contender}:
            with console.status(f"Making {count} schemas for {contender.key} …"):
                build(contender, f"bench_{contender.key}_{count}", count)


def nothing_to_do(counts: Sequence[int], peer_counts: Sequence[int], rounds: int) -> Found:
    """Run every way on tenants that are up to date."""
    turns = {f"{way.label} {count}": (way, count) for way in [TWO_JOBS] for count in counts}
    turns |= {f"{way.label} {count}": (way, count) for way in peers() for count in peer_counts}
    turns["plain"] = (PLAIN_MIGRATE, 1)
    found = in_turn(list(turns), rounds, lambda turn: turns[turn][0].run(turns[turn][1]))
    return {turns[turn]: samples for turn, samples in found.items()}


def messages_sent(way: Way, count: int) -> list[str]:
    """Return what a way with nothing to do sends to PostgreSQL, connecting left out."""
    with tempfile.TemporaryDirectory() as folder:
        assert way.contender is not None
        at = address()
        with wiretap(f"{at.host}/.s.PGSQL.{at.port}", Path(folder)) as wire:
            way.run(count, {"BENCH_HOST": folder, "BENCH_PORT": "5432"})
        return [message for message in wire.taken() if message != "X"]


def add_field(counts: Sequence[int], peer_counts: Sequence[int], rounds: int) -> Found:
    """Run every way with one migration more than the tenants have."""
    found: dict[tuple[Way, int], Sequence[Sample]] = {}
    for count in counts:
        write_psql_script(count)
        ways = [ONE_JOB, TWO_JOBS, LOOP, TWO_LOOPS, PSQL, *(peers() if count in peer_counts else [])]
        by_label = {way.label: way for way in ways}
        undo = {way.label: Undo(way, count) for way in ways}

        def once(label: str, count: int = count, ways: Mapping[str, Way] = by_label, undo: dict = undo) -> Sample:
            with console.status(f"{label}, {count} tenants …"):
                sample = ways[label].run(count, ADDED)
                undo[label]()
            return sample

        once(TWO_JOBS.label)  # the first after a copy finds other pages in memory than those that follow
        once(TWO_LOOPS.label)
        measured = in_turn(list(by_label), rounds, once)
        found |= {(by_label[label], count): samples for label, samples in measured.items()}
    return found


def show(title: str, found: Found, base: Way) -> None:
    """Print a table, with `base` ÷ each where both were run with as many tenants."""
    rows = []
    for (way, count), samples in found.items():
        ours = found.get((base, count))
        seconds = [sample.seconds for sample in samples]
        rows.append(
            [
                way.label,
                f"{count:,}",
                f"{median(seconds):.2f}",
                f"{median(seconds) / count * 1000:.1f}" if count > 1 else "",
                f"{median(sample.database_seconds for sample in samples):.3f}",
                peak(samples),
                f"{ratio([sample.seconds for sample in ours], seconds):.3f}" if ours and way is not base else "",
            ]
        )
    columns = ["", "tenants", "process, s", "ms a tenant", "in PostgreSQL, s", "peak MiB", f"{base.label} ÷ this"]
    table(title, columns, rows)


def further(found: Found, way: Way, fewer: int, more: int) -> float:
    """Return the seconds that each tenant adds between two sizes: without Python's start and what is done once."""
    pairs = zip(found[way, fewer], found[way, more], strict=True)
    return median((b.seconds - a.seconds) / (more - fewer) for a, b in pairs)


def show_further(found: Found) -> None:
    """Print what each tenant adds from one size to the next."""
    rows = []
    for way in dict.fromkeys(way for way, _ in found):
        for fewer, more in pairwise(count for other, count in found if other is way):
            rows.append([way.label, f"{fewer:,} to {more:,}", f"{further(found, way, fewer, more) * 1000:.2f}"])
    table("One AddField with index: each further tenant", ["", "tenants", "ms"], rows)


def goals(idle: Found, added: Found, most: int, sent: Sequence[str]) -> list[tuple[str, str, float, bool]]:
    """Compare with what was aimed at; each is a sentence, a figure's unit, the figure and whether it is reached."""

    def seconds(found: Found, way: Way, count: int) -> list[float]:
        return [sample.seconds for sample in found[way, count]]

    def growth(found: Found, way: Way) -> float:
        return median(s.peak_mib for s in found[way, most]) / median(s.peak_mib for s in found[way, least])

    least = min(count for way, count in added if way is TWO_JOBS)
    database = median(sample.database_seconds for sample in idle[TWO_JOBS, most])
    queries = sum("SELECT" in message for message in sent)
    process = ratio(seconds(idle, TWO_JOBS, most), seconds(idle, TWO_JOBS, least))
    loop = ratio(seconds(added, TWO_JOBS, most), seconds(added, TWO_LOOPS, most))
    memory = max(growth(idle, TWO_JOBS), growth(added, TWO_JOBS))
    reached = [
        (f"nothing to do, {most:,} tenants: at most 2 queries", "queries", queries, queries <= 2),
        (f"nothing to do, {most:,} tenants: less than 0.1 s in PostgreSQL", "s", database, database < 0.1),
        (f"nothing to do: process with {most:,} tenants ÷ with {least}, at most 1.05", "÷", process, process <= 1.05),
        (f"AddField, {most:,} tenants: at most 1.3 × psycopg, two connections", "÷", loop, loop <= 1.3),
        (f"peak memory: {most:,} tenants ÷ {least}, at most 1.2", "÷", memory, memory <= 1.2),
    ]
    shared = [count for way, count in added if way.is_peer]
    if shared:
        count, ours = max(shared), further(added, TWO_JOBS, least, most)
        gain = min(1 / ratio(seconds(added, TWO_JOBS, count), seconds(added, way, count)) for way in peers())
        slope = min(further(added, way, min(shared), count) for way in peers()) / ours
        whole = f"AddField, process with {count:,} tenants: 20 × as fast as the better peer"
        each = (
            f"AddField, each further tenant ({least} to {most:,}; the better peer's {min(shared)} to {count:,}): 20 ×"
        )
        reached += [(whole, "×", gain, gain >= 20), (each, "×", slope, slope >= 20)]
    return reached


def main() -> None:
    """Read the environment and measure."""
    most, rounds = asked_for("N", 10), asked_for("ROUNDS", 3)
    counts, peer_counts = sizes(most), sizes(min(most, asked_for("PEERS_N", 100)))
    with own_server():
        header("Migrating all tenants", rounds)
        measure(counts, peer_counts, rounds)


def measure(counts: Sequence[int], peer_counts: Sequence[int], rounds: int) -> None:
    """Measure and print."""
    prepare(counts, peer_counts)
    idle = nothing_to_do(counts, peer_counts, rounds)
    show("Nothing to do (peers: -v0)", idle, TWO_JOBS)
    sent = messages_sent(TWO_JOBS, counts[-1])
    rows = [[TWO_JOBS.label, f"{counts[-1]:,}", str(len(sent))]]
    rows += [
        [way.label, f"{count:,}", str(len(messages_sent(way, count)))] for count in peer_counts[-1:] for way in peers()
    ]
    table("Nothing to do: messages to PostgreSQL", ["", "tenants", "messages"], rows)
    added = add_field(counts, peer_counts, rounds)
    show("One AddField with default and index (peers: -v0)", added, TWO_JOBS)
    if len(counts) > 1:
        show_further(added)
    if counts[-1] >= 1000:
        verdicts(goals(idle, added, counts[-1], sent))
    else:
        console.print("The goals are for 1,000 tenants: N=1000 make bench")


if __name__ == "__main__":
    main()
