"""Where the server of a bench is, as the environment of a contender says."""

from __future__ import annotations

import os
from typing import Any

ADDRESS = {
    "HOST": os.environ["BENCH_HOST"],
    "PORT": os.environ["BENCH_PORT"],
    "USER": os.environ["BENCH_USER"],
    "NAME": os.environ["BENCH_DATABASE"],
}


def use_the_benchs_server(database: dict[str, Any]) -> None:
    """Lead the project's database there; with `BENCH_KEPT` over one connection, in the place of a pool."""
    database |= ADDRESS
    database["OPTIONS"].pop("embedded", None)
    if os.environ.get("BENCH_KEPT"):
        database["OPTIONS"].pop("pool")
        database |= {"CONN_MAX_AGE": None, "CONN_HEALTH_CHECKS": False}
