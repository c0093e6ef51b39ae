"""The processes that are measured, what is registered at the gateway, and how much memory a process takes meanwhile."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.gateway.parts import FAULTS

FOLDER = Path(os.environ.get("SANGGA_DATA_DIR") or ".sangga") / "bench-gateway"
MIB = 1024 * 1024

NGINX = """
worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.err;
events {{ worker_connections 8192; }}
http {{
  access_log off; client_max_body_size 0; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  upstream service {{ server 127.0.0.1:{service}; keepalive 64; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://service; proxy_http_version 1.1;
      proxy_set_header Connection ""; proxy_set_header Host $host;
    }}
  }}
}}
"""


@dataclass(frozen=True, slots=True)
class Stage:
    """What was started."""

    ports: dict[str, int]
    """By what stands there, the service itself last."""
    gateway: psutil.Process
    metrics: str
    """The token that the gateway tells its metrics to."""

    @property
    def port(self) -> int:
        return self.ports["gateway"]


def free_port() -> int:
    """Return a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def listens(port: int) -> bool:
    """Tell whether a process listens at a port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def environment() -> dict[str, str]:
    """Return what our own processes find their database by."""
    return {
        "SANGGA_DATA_DIR": str(FOLDER), "SERVICE": "gateway", "PORT": "8000", "SANGGA_METRICS_TOKEN": "bench",
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }  # fmt: skip


@contextmanager
def process(*command: str, port: int) -> Iterator[psutil.Process]:
    """Run a server until the block ends; it is waited for until it listens."""
    with (FOLDER / f"{port}.log").open("wb") as log:
        child = subprocess.Popen(command, env=os.environ | environment(), stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 60
        while not listens(port):
            if child.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{command} does not listen: {(FOLDER / f'{port}.log').read_text()[-2000:]}")
            time.sleep(0.05)
        yield psutil.Process(child.pid)
    finally:
        child.terminate()
        child.wait()


def start(stack: ExitStack) -> Stage:
    """Start everything; it ends with the stack."""
    ports = {name: free_port() for name in ("bare aiohttp proxy", "the same on uvloop", "gateway", "nginx", "no proxy")}
    service, failing, parts = ports["no proxy"], free_port(), [sys.executable, "-m", "bench.gateway.parts"]
    register(service, failing)
    stack.enter_context(process(*parts, "service", str(service), port=service))
    stack.enter_context(process(*parts, "failing", str(failing), port=failing))
    for name, kind in (("bare aiohttp proxy", "bare"), ("the same on uvloop", "bare-uvloop")):
        stack.enter_context(process(*parts, kind, str(ports[name]), str(service), port=ports[name]))
    command = [sys.executable, "manage.py", "run_gateway", "--port", str(ports["gateway"])]
    gateway = stack.enter_context(process(*command, port=ports["gateway"]))
    if shutil.which("nginx"):
        file = (FOLDER / "nginx.conf").resolve()
        file.write_text(NGINX.format(folder=file.parent, service=service, port=ports["nginx"]))
        nginx = ["nginx", "-c", str(file), "-e", str(file.parent / "nginx.err")]
        stack.enter_context(process(*nginx, port=ports["nginx"]))
    else:
        del ports["nginx"]
    return Stage(ports, gateway, environment()["SANGGA_METRICS_TOKEN"])


def register(service: int, failing: int) -> None:
    """Make two shops without limits, and register what stands behind the gateway."""
    import django

    os.environ.update(environment())
    django.setup()
    from django.core.management import call_command

    from shop.demo.command import close_connections
    from tenants import PLATFORM, TenantNotFound, use_tenant
    from tenants.contrib.services.models import Service
    from tenants.lifecycle import TenantSpec, create_tenant
    from tenants.models import Tenant
    from tenants.registry.lookup import tenant_by_slug

    call_command("migrate", verbosity=0)
    for slug in ("acme", "globex"):
        try:
            tenant_by_slug(slug)
        except TenantNotFound:
            create_tenant(TenantSpec(slug=slug, name=slug.capitalize()))
    with use_tenant(PLATFORM):
        Tenant.objects.update(plan="unlimited")
        Service.objects.all().delete()
        facts = {"every_tenant": True, "private_ranges": "127.0.0.0/8", "max_body_mib": 4096}
        behind = {"good": ("/", service), "neighbour": ("/neighbour/", service)}
        behind |= {fault: (f"/{fault}/", failing) for fault in FAULTS} | {"dead": ("/dead/", free_port())}
        for name, (prefix, port) in behind.items():
            row = Service.objects.create(name=name, prefixes=prefix, attempt_seconds=1, total_seconds=5, **facts)
            row.addresses.create(url=f"http://127.0.0.1:{port}")
    close_connections()


def peak_while(process: psutil.Process, work: Callable[[], None]) -> tuple[float, float, float]:
    """Return seconds that `work` took, and how many MiB the memory of `process` grew by at most, and to its end."""
    before = process.memory_info().rss
    peak, began = before, time.perf_counter()

    async def watch() -> None:
        nonlocal peak
        done = asyncio.get_running_loop().run_in_executor(None, work)
        while not done.done():
            peak = max(peak, process.memory_info().rss)
            await asyncio.sleep(0.02)
        await done

    asyncio.run(watch())
    seconds = time.perf_counter() - began
    return seconds, (peak - before) / MIB, (process.memory_info().rss - before) / MIB
