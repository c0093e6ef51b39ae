"""The project's own settings, on the bench's server. Its limits count, and let all of the bench's requests in."""

from bench.peers.server import use_the_benchs_server
from config.settings import *  # noqa: F403
from config.settings import DATABASES, TENANTS

use_the_benchs_server(DATABASES["default"])
_PLAN = TENANTS["PLANS"]["standard"]
TENANTS = {
    **TENANTS,
    "ORIGIN": "http://localhost",
    "PLANS": {"standard": {**_PLAN, "CONCURRENCY": 16, "RATE": 1_000_000, "BURST": 1_000_000}},
}
