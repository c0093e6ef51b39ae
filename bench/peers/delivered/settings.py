"""The project's own settings, on the bench's server. Its limits count, and let all of the bench's requests in."""

import os

from config.settings import *  # noqa: F403
from config.settings import DATABASES, TENANTS

DATABASES["default"] |= {
    "HOST": os.environ["BENCH_HOST"],
    "PORT": os.environ["BENCH_PORT"],
    "USER": os.environ["BENCH_USER"],
    "NAME": os.environ["BENCH_DATABASE"],
}
DATABASES["default"]["OPTIONS"].pop("embedded", None)
if os.environ.get("BENCH_KEPT"):
    DATABASES["default"]["OPTIONS"].pop("pool")
    DATABASES["default"] |= {"CONN_MAX_AGE": None, "CONN_HEALTH_CHECKS": False}
_PLAN = TENANTS["PLANS"]["standard"]
TENANTS = {
    **TENANTS,
    "ORIGIN": "http://localhost",
    "PLANS": {"standard": {**_PLAN, "CONCURRENCY": 16, "RATE": 1_000_000, "BURST": 1_000_000}},
}
