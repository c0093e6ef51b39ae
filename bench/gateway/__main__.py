"""`python -m bench.gateway [throughput] [bodies] [sockets] [faults] [soak]`; without a name, all of them."""

from __future__ import annotations

import resource
import shutil
import sys
from collections.abc import Callable
from contextlib import ExitStack

from bench.gateway.bodies import bodies
from bench.gateway.faults import faults
from bench.gateway.servers import FOLDER, Stage, start
from bench.gateway.soak import soak
from bench.gateway.sockets import sockets
from bench.gateway.throughput import throughput
from bench.measure import console

PARTS: dict[str, Callable[[Stage], None]] = {
    "throughput": throughput, "faults": faults, "bodies": bodies, "sockets": sockets, "soak": soak,
}  # fmt: skip


def main(names: list[str]) -> None:
    """Measure the parts that are named, or everything."""
    for program in ("wrk", "curl"):
        if shutil.which(program) is None:
            raise SystemExit(f"{program} is missing: apt-get install {program}")
    if unknown := set(names) - set(PARTS):
        raise SystemExit(f"There is no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}.")
    FOLDER.mkdir(parents=True, exist_ok=True)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(65_536, resource.getrlimit(resource.RLIMIT_NOFILE)[1]),) * 2)
    with ExitStack() as stack:
        stage = start(stack)
        for name in names or PARTS:
            PARTS[name](stage)
    console.print("Each proxy is one process; load generator, proxy and service share the machine.")


main(sys.argv[1:])
