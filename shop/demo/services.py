"""The demo as several services: their registration, and the processes of the Procfile."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from honcho.environ import parse_procfile
from honcho.manager import Manager

from shop.demo.prepare import Login
from tenants import PLATFORM, use_tenant
from tenants.conf import tenancy
from tenants.contrib.services.models import Service

PROCESSES = 7
"""Processes with a port: first the gateway, then the others."""

_HERE = {"every_tenant": True, "private_ranges": "127.0.0.0/8"}
_OURS = {**_HERE, "runs_sangga": True, "health_path": "/-/health"}
SERVICES: dict[str, dict[str, Any]] = {
    "auth": {**_OURS, "prefixes": "/oauth\n/api/token\n/api/protected\n/.well-known"},
    "shop": {**_OURS, "prefixes": "/", "at_platform": True},
    "other-service": {**_HERE, "prefixes": "/stock/", "health_path": "/health"},
    "example": {**_OURS, "prefixes": "/example/", "strip_prefix": True},
}
"""In the order of their ports. Registered once: operators may change them."""
MORE_SHOPS = (5, 6)
"""Ports, counted from the gateway's, of more processes of `shop`: a noisy shop gets at most one of the three."""


def register(first_port: int) -> None:
    with use_tenant(PLATFORM):
        for port, (name, facts) in enumerate(SERVICES.items(), first_port + 1):
            service, created = Service.objects.get_or_create(name=name, defaults=facts)
            if created or not service.addresses.exists():
                more = [first_port + number for number in MORE_SHOPS] if name == "shop" else []
                for each in (port, *more):
                    service.addresses.create(url=f"http://127.0.0.1:{each}")


def service_logins(first_port: int) -> list[Login]:
    acme = tenancy().url_of("acme.localhost", "")
    return [
        Login(what="Gateway", url=f"http://127.0.0.1:{first_port}"),
        *(Login(what=name, url=f"http://127.0.0.1:{port}") for port, name in enumerate(SERVICES, first_port + 1)),
        Login(what="Tokens", url=f"{acme}/.well-known/openid-configuration"),
        Login(what="Service", url=f"{acme}/stock/"),
        Login(what="Service that calls it", url=f"{acme}/example/"),
        Login(what="Live status", url=tenancy().url_of("localhost", "/admin/tenants_services/service/live/")),
    ]


def run_processes(first_port: int) -> int:
    """Run the Procfile until Ctrl-C, or until one of the processes ends, and return the exit code."""
    root = Path(settings.BASE_DIR)
    # The programs of this virtual environment come first, even if it is not activated.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    environment = {**os.environ, "PATH": path, "PORT": str(first_port), "PYTHONUNBUFFERED": "1"}
    manager = Manager()
    for name, command in parse_procfile((root / "Procfile").read_text()).processes.items():
        manager.add_process(name, command, env=environment, cwd=str(root))
    manager.loop()
    return int(manager.returncode or 0)
