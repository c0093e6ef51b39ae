"""What a shop notices of a flood of logins at the platform's host. `python -m bench.login_flood`.

The demo is made and served as `make demo` and as `make services` do it, in a data folder of the benchmarks. A shop is
asked for its front page five times a second, while forty addresses of loopback send wrong logins to the platform, eight
at once each. ROUNDS (default 3) is how often each is measured, alone and beside the flood, for SECONDS (10).
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from statistics import quantiles
from typing import Any

from bench.http import free_port
from bench.measure import table
from bench.noisy import visitors
from bench.server import FOLDER, ROOT

WAYS = {"make demo": "demo", "make services": "services"}
"""By name: the command."""
SHOP, PLATFORM = "globex.localhost", "localhost"
RATE = 5
ADDRESSES, EACH = 40, 8
GOAL = 2.0
_SECONDS_TO_START = 300.0


@contextmanager
def served(command: str) -> Iterator[int]:
    """Serve the demo inside the block; the value is its port."""
    port, log = free_port(), FOLDER / "login-flood.log"
    FOLDER.mkdir(parents=True, exist_ok=True)
    # Of a run before, addresses would be locked out, and services registered at its port.
    shutil.rmtree(FOLDER / "flood", ignore_errors=True)
    environment = os.environ | {
        "SANGGA_DATA_DIR": str(FOLDER / "flood"),
        "SANGGA_ORIGIN": f"http://localhost:{port}",
        "PORT": str(port),
    }
    with log.open("ab") as output:
        server = subprocess.Popen(
            [sys.executable, "manage.py", command], cwd=ROOT, env=environment, stdout=output, stderr=output
        )
    try:
        deadline = time.monotonic() + _SECONDS_TO_START
        while not _answers(port):
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"`manage.py {command}` did not start. Its output is in {log}")
            time.sleep(0.5)
        yield port
    finally:
        server.send_signal(signal.SIGINT)
        server.wait()


def _answers(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/", headers={"Host": SHOP})
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def visit(port: int, seconds: float, seed: int) -> dict[str, Any]:
    """Return what the shop's visitors got."""
    process = visitors("steady", 0, port=port, host=SHOP, path="/", rate=RATE, seconds=seconds, seed=seed)
    said, _ = process.communicate()
    return dict(json.loads(said))


@contextmanager
def flood(port: int, got: Counter[str]) -> Iterator[None]:
    """Have logins sent to the platform inside the block."""
    # The attackers have machines of their own: what they do here must not slow down the server.
    process = visitors("flood", 15, port=port, host=PLATFORM, path="/admin/login/", addresses=ADDRESSES, each=EACH)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield
        process.stdin.close()
        process.wait()
        got.update(json.loads(process.stdout.read())["statuses"])
    finally:
        process.kill()
        process.wait()


def p99(seconds: list[float]) -> float:
    """Return the seconds within which 99 of 100 requests were answered."""
    return quantiles(seconds, n=100, method="inclusive")[98]


def measure(command: str, rounds: int, seconds: float) -> tuple[list[float], list[float], Counter[str], Counter[str]]:
    """Return how long requests took alone and beside the flood, and what statuses shop and flood got meanwhile."""
    alone: list[float] = []
    beside: list[float] = []
    shop, logins = Counter[str](), Counter[str]()
    with served(command) as port:
        visit(port, 2, 0)
        for number in range(rounds):
            alone += visit(port, seconds, number)["seconds"]
            with flood(port, logins):
                got = visit(port, seconds, number)
            beside += got["seconds"]
            shop.update(got["statuses"])
            time.sleep(1)
    return alone, beside, shop, logins


def main() -> None:
    """Measure both ways of serving, and print a row for each; ONLY=demo or ONLY=services measures one."""
    rounds, seconds = int(os.environ.get("ROUNDS", "3")), float(os.environ.get("SECONDS", "10"))
    rows = []
    for name, command in WAYS.items():
        if os.environ.get("ONLY", command) != command:
            continue
        alone, beside, shop, logins = measure(command, rounds, seconds)
        figures = [f"{1000 * p99(times):.1f} ms" for times in (alone, beside)]
        ratio = p99(beside) / p99(alone)
        verdict = "held" if ratio <= GOAL and set(shop) == {"200"} else "not held"
        rows.append([name, *figures, f"{ratio:.2f}", _said(shop), _said(logins), verdict])
    columns = ["", "p99 alone", "p99 beside the flood", "ratio", "the shop got", "the logins got", f"goal {GOAL}"]
    table("A flood of logins at the platform", columns, rows)


def _said(statuses: Counter[str]) -> str:
    return ", ".join(f"{status}: {count}" for status, count in sorted(statuses.items()))


if __name__ == "__main__":
    main()
