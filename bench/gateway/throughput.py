"""Requests a second, and what is added to the time of one."""

from __future__ import annotations

from statistics import median

from bench.gateway.load import ROUNDS, latencies, median_rate, wrk
from bench.gateway.servers import Stage
from bench.measure import in_turn, ratio, table


def throughput(stage: Stage) -> None:
    """Measure requests per second and latency through each proxy, in turn."""
    wrk(stage.port, seconds=1)
    for connections in (16, 1):
        loads = in_turn(
            list(stage.ports), ROUNDS, lambda name, many=connections: wrk(stage.ports[name], connections=many)
        )
        rates = {name: [one.rate for one in found] for name, found in loads.items()}
        direct = median(one.p99 for one in loads["no proxy"])
        rows = []
        for name, found in loads.items():
            shares = [f"{ratio(rates[name], rates[bare]):.2f}" for bare in ("bare aiohttp proxy", "the same on uvloop")]
            added = f"{median(one.p99 for one in found) - direct:.2f}"
            rows.append([name, median_rate(found), *shares, *latencies(found), added])
        columns = [
            "",
            "requests a second",
            "÷ bare",
            "÷ bare on uvloop",
            "p50, ms",
            "p99, ms",
            "errors",
            "p99 added, ms",
        ]
        table(f"{connections} connections, 512 bytes", columns, rows)
