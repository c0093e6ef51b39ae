"""A good service under load by two shops, while one of them asks a neighbour that fails in one way or another."""

from __future__ import annotations

import asyncio
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from statistics import median

import aiohttp

from bench.gateway.load import HOST, OTHER_HOST, ROUNDS, SECONDS, Load, median_rate, wrk
from bench.gateway.parts import FAULTS
from bench.gateway.servers import Stage
from bench.measure import in_turn, table

NUMBER = 100


async def _paced(port: int, path: str) -> Counter[int]:
    """Ask a hundred times, evenly over the time that the load lasts, and count what was answered."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def once(number: int) -> int:
            await asyncio.sleep(number * SECONDS / NUMBER)
            async with session.get(f"http://127.0.0.1:{port}{path}", headers={"Host": HOST}) as answer:
                return answer.status

        return Counter(await asyncio.gather(*(once(number) for number in range(NUMBER))))


def faults(stage: Stage) -> None:
    """Measure the good service beside each neighbour; one that fails in nothing is the measure."""
    answered: dict[str, Counter[int]] = {}

    def once(name: str) -> tuple[Load, Load]:
        with ThreadPoolExecutor(2) as threads:
            beside = threads.submit(asyncio.run, _paced(stage.port, f"/{name}/"))
            other = threads.submit(wrk, stage.port, host=OTHER_HOST, connections=8)
            same = wrk(stage.port, connections=8)
            answered[name] = answered.get(name, Counter()) + beside.result()
        return same, other.result()

    loads = in_turn(["neighbour", "dead", *FAULTS], ROUNDS, once)
    usual = loads["neighbour"]
    rows = []
    for name, found in loads.items():
        told = ", ".join(f"{status}: {count}" for status, count in sorted(answered[name].items()))
        shops = [cell for shop in (0, 1) for cell in _row([one[shop] for one in found], [one[shop] for one in usual])]
        rows.append([name, *shops, told])
    each = ("requests a second", "p99, ms", "÷ usual", "errors")
    columns = ["the neighbour", *each, *(f"another shop: {column}" for column in each), "neighbour answered"]
    table("A good service under load by two shops, and a hundred requests of one to its neighbour", columns, rows)


def _row(loads: list[Load], usual: list[Load]) -> list[str]:
    p99, before = (median(one.p99 for one in some) for some in (loads, usual))
    return [median_rate(loads), f"{p99:.2f}", f"{p99 / before:.2f}", str(sum(one.errors for one in loads))]
