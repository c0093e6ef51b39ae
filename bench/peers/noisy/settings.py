"""The project's own settings, on the bench's server, with the limits that shops really have."""

from bench.peers.delivered.settings import *  # noqa: F403
from bench.peers.delivered.settings import TENANTS
from config.settings import TENANTS as DELIVERED

TENANTS = {**TENANTS, "PLANS": DELIVERED["PLANS"], "TENANT_URLCONF": "bench.noisy_urls"}
