"""The tests' settings, with unruly applications to mount."""

from tests.settings import *  # noqa: F403
from tests.settings import TENANTS as _TENANTS

TENANTS = {
    **_TENANTS,
    "MOUNTS": {name: f"tests.tenants.contrib.mounts.unruly.{name}" for name in ("wsgi", "asgi")},
    "MOUNTS_SECONDS": 3.0,
    "PLANS": {"standard": {"CONCURRENCY": 12, "QUEUE": 20}},
}
