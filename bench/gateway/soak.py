"""A hundred thousand requests, some to services that fail, after which nothing may be left."""

from __future__ import annotations

import re
import time
from urllib.request import Request, urlopen

from bench.gateway.load import wrk
from bench.gateway.parts import FAULTS
from bench.gateway.servers import MIB, Stage
from bench.measure import table

REQUESTS = 100_000


def soak(stage: Stage) -> None:
    """Send them, and see what is left."""
    rate = wrk(stage.port, seconds=2).rate  # whatever is made once, is made
    _fail_a_little(stage)
    rows, sent = [_left(stage, "before", 0)], 0.0
    while sent < REQUESTS:
        seconds = max(2, round(REQUESTS / 2 / rate) + 1)
        sent += wrk(stage.port, seconds=seconds).rate * seconds
        _fail_a_little(stage)
        rows.append(_left(stage, "", sent))
    table("After many requests", ["", "requests", "memory, MiB", "open files", "tasks"], rows)


def _fail_a_little(stage: Stage) -> None:
    for name in (*FAULTS, "dead"):
        wrk(stage.port, f"/{name}/", seconds=2)  # longer than a hanging one is waited for


def _left(stage: Stage, name: str, sent: float) -> list[str]:
    time.sleep(20)  # idle connections are closed after fifteen seconds
    asked = Request(
        f"http://127.0.0.1:{stage.port}/-/metrics",
        headers={"Host": "acme.localhost", "Authorization": f"Bearer {stage.metrics}"},
    )
    with urlopen(asked) as answer:
        tasks = re.search(r"^sangga_tasks (\d+)", answer.read().decode(), re.MULTILINE)
    gateway = stage.gateway
    return [
        name, f"{sent:,.0f}", f"{gateway.memory_info().rss / MIB:.1f}", str(gateway.num_fds()),
        tasks[1] if tasks else "?",
    ]  # fmt: skip
