"""wrk: requests as fast as they are answered, and what became of them."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from statistics import median

SECONDS = int(os.environ.get("SECONDS", "3"))
ROUNDS = int(os.environ.get("ROUNDS", "5"))
HOST = "acme.localhost"
OTHER_HOST = "globex.localhost"
"""Of another shop."""


@dataclass(frozen=True, slots=True)
class Load:
    """What wrk has seen."""

    rate: float
    p50: float
    p99: float
    """Milliseconds."""
    errors: int


def wrk(port: int, path: str = "/", *, host: str = HOST, connections: int = 16, seconds: int = SECONDS) -> Load:
    """Send requests for some seconds, and return what became of them."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-H", f"Host: {host}"]
    said = subprocess.run(
        [*command, f"http://127.0.0.1:{port}{path}"], check=True, capture_output=True, text=True
    ).stdout
    failed = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
    return Load(
        rate=float(re.search(r"Requests/sec:\s+([\d.]+)", said)[1]),  # type: ignore[index]
        p50=_milliseconds(said, "50%"),
        p99=_milliseconds(said, "99%"),
        errors=int(failed[1]) if failed else 0,
    )


def _milliseconds(said: str, share: str) -> float:
    found = re.search(rf"{share}\s+([\d.]+)(us|ms|s|m)\s", said)
    if found is None:
        raise RuntimeError(f"wrk had no answer at all:\n{said}")
    return float(found[1]) * {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}[found[2]]


def median_rate(loads: list[Load]) -> str:
    """Return the column of requests a second."""
    return f"{median(one.rate for one in loads):,.0f}"


def latencies(loads: list[Load]) -> list[str]:
    """Return the columns p50, p99 and errors."""
    p50, p99 = median(one.p50 for one in loads), median(one.p99 for one in loads)
    return [f"{p50:.2f}", f"{p99:.2f}", str(sum(one.errors for one in loads))]
