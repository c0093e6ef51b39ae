"""The project's own settings, on the bench's server."""

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
TENANTS = {**TENANTS, "ORIGIN": "http://localhost", "TENANT_URLCONF": "bench.peers.urls"}
if os.environ.get("BENCH_ADDED"):
    MIGRATION_MODULES = {"goods": "bench_goods_migrations"}
