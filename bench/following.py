"""How soon every process follows when a shop gets another variant. `python -m bench.following`, or `make bench`.

Two served processes are asked for the shop's goods without a pause while it is switched to customer_a and back. A
process has followed with the first request that it answers as the new variant; the seconds are from the moment when
`set_variant` returned, in a third process, to when that request was sent. SWITCHES (default 30) is how often.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from statistics import median

from bench.contenders import Contender, Worker, migrate
from bench.http import served
from bench.measure import table
from bench.report import header, verdicts
from bench.server import own_server
from bench.ways import asked_for

GOAL = 1.0
PROCESSES = 2
SLUG, HOST, DATABASE = "default-shop", "default-shop.localhost", "bench_following"
PATH = "/api/v1/goods?limit=1"
SANGGA = Contender("delivered")


@dataclass(frozen=True, slots=True)
class Followed:
    """What came of one switch at one process."""

    seconds: float
    """From its end until the first request that was answered as the new variant was sent; 0 if that was before."""
    old_answers: int
    """Of the variant before, to requests that were sent after its end."""


@contextmanager
def shop_and_servers() -> Iterator[tuple[Worker, list[int]]]:
    """Yield a process that switches, and the ports of those that follow."""
    migrate(SANGGA, DATABASE)
    with ExitStack() as running:
        worker = running.enter_context(Worker(SANGGA, DATABASE))
        worker.ask("create", names=[SLUG])
        worker.ask("stock", names=[SLUG])
        yield worker, [running.enter_context(served(SANGGA, DATABASE)) for _ in range(PROCESSES)]


def follow(port: int, is_customer_a: bool) -> list[tuple[float, bool]]:
    """Ask until the variant is there; return when each request was sent, and whether it was answered as that."""
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    answers: list[tuple[float, bool]] = []
    while not answers or not answers[-1][1]:
        sent = time.monotonic()
        connection.request("GET", PATH, headers={"Host": HOST})
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"In the moment of a switch a request got {answer.status}: {body[:300]!r}")
        answers.append((sent, ("tax_rate" in json.loads(body)["items"][0]) == is_customer_a))
    connection.close()
    return answers


def switch(worker: Worker, ports: list[int], variant: str) -> tuple[float, list[Followed]]:
    """Give the shop a variant, and return how many seconds that took and how each process followed."""
    with ThreadPoolExecutor(PROCESSES) as pool:
        following = [pool.submit(follow, port, variant == "customer_a") for port in ports]
        began = time.monotonic()
        ended = worker.ask("set_variant", name=SLUG, variant=variant)
        found = []
        for each in following:
            answers = each.result()
            old = sum(sent > ended for sent, is_new in answers if not is_new)
            found.append(Followed(max(0.0, answers[-1][0] - ended), old))
    return ended - began, found


def main() -> None:
    """Measure and print."""
    switches = asked_for("SWITCHES", 30)
    with own_server():
        header("Following a shop that gets another variant", switches, peers=())
        with shop_and_servers() as (worker, ports):
            for variant in ("customer_a", "default"):  # the first time its tables are made
                switch(worker, ports, variant)
            done = [switch(worker, ports, ("customer_a", "default")[number % 2]) for number in range(switches)]
    took = [seconds for seconds, _ in done]
    followed = [each for _, found in done for each in found]
    seconds = [each.seconds for each in followed]
    rows = [
        ["the switch itself, ms", f"{median(took) * 1000:.0f}", f"{max(took) * 1000:.0f}"],
        ["until a process has followed, ms", f"{median(seconds) * 1000:.1f}", f"{max(seconds) * 1000:.1f}"],
        ["answers as before meanwhile", f"{median(each.old_answers for each in followed):.0f}",
         str(max(each.old_answers for each in followed))],
    ]  # fmt: skip
    table(f"{switches} switches, {PROCESSES} processes", ["", "median", "worst"], rows)
    verdicts([(f"every process within {GOAL:g} s", "s, the worst", max(seconds), max(seconds) <= GOAL)])


if __name__ == "__main__":
    main()
