"""A good service under load, while a hundred requests go to a neighbour that fails in one way or another."""

from __future__ import annotations

import asyncio
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from statistics import median

import aiohttp

from bench.gateway.load import HOST, ROUNDS, SECONDS, Load, latencies, median_rate, wrk
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

    def once(name: str) -> Load:
        with ThreadPoolExecutor(1) as threads:
            beside = threads.submit(asyncio.run, _paced(stage.port, f"/{name}/"))
            load = wrk(stage.port)
            answered[name] = answered.get(name, Counter()) + beside.result()
        return load

    loads = in_turn(["neighbour", "dead", *FAULTS], ROUNDS, once)
    usual = median(one.p99 for one in loads["neighbour"])
    rows = []
    for name, found in loads.items():
        told = ", ".join(f"{status}: {count}" for status, count in sorted(answered[name].items()))
        share = median(one.p99 for one in found) / usual
        rows.append([name, median_rate(found), *latencies(found), f"{share:.2f}", told])
    columns = [
        "its neighbour",
        "requests a second",
        "p50, ms",
        "p99, ms",
        "errors",
        "p99 ÷ usual",
        "neighbour answered",
    ]
    table("A good service under load, and a hundred requests to its neighbour", columns, rows)
