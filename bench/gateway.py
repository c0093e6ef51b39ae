"""What the gateway costs, and what it withstands. `python -m bench.gateway`; needs wrk, and nginx to compare with.

A small aiohttp service stands behind three proxies: one of aiohttp that only passes on, the gateway, and nginx. Each is
one process. Then: a GiB up and down, two thousand WebSockets, a service that fails beside one that does not, and a
hundred thousand requests, after which nothing may be left. SECONDS (3) and ROUNDS (5) say how long each has its turn.
"""

from __future__ import annotations

import asyncio
import os
import re
import resource
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import aiohttp
import psutil

from bench.measure import console, in_turn, ratio, table

FOLDER = Path(os.environ.get("SANGGA_DATA_DIR") or ".sangga") / "bench-gateway"
SECONDS = int(os.environ.get("SECONDS", "3"))
ROUNDS = int(os.environ.get("ROUNDS", "5"))
HOST = "acme.localhost"
MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Load:
    """What wrk has seen."""

    rate: float
    p50: float
    p99: float
    """Milliseconds."""
    errors: int


def free_port() -> int:
    """Return a port that nobody has at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wrk(port: int, path: str = "/", *, connections: int = 16, seconds: int = SECONDS) -> Load:
    """Send requests for some seconds, and return what became of them."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-H", f"Host: {HOST}"]
    said = subprocess.run(
        [*command, f"http://127.0.0.1:{port}{path}"], check=True, capture_output=True, text=True
    ).stdout
    failed = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
    return Load(
        rate=float(re.search(r"Requests/sec:\s+([\d.]+)", said)[1]),  # type: ignore[index]
        p50=_milliseconds(said, "50%"),
        p99=_milliseconds(said, "99%"),
        errors=int(failed[1]) if failed else 0,
    )


def _milliseconds(said: str, share: str) -> float:
    found = re.search(rf"{share}\s+([\d.]+)(us|ms|s|m)\n", said)
    if found is None:
        raise RuntimeError(f"wrk had no answer at all:\n{said}")
    return float(found[1]) * {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}[found[2]]


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


def listens(port: int) -> bool:
    """Tell whether somebody listens at a port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def environment() -> dict[str, str]:
    """Return what our own processes find their database by."""
    return {
        "SANGGA_DATA_DIR": str(FOLDER),
        "SERVICE": "gateway",
        "PORT": "8000",
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }


def register(good: int, dead: int, hanging: int) -> None:
    """Make a shop without limits, and register what stands behind the gateway."""
    import django

    os.environ.update(environment())
    django.setup()
    from django.core.management import call_command

    from tenants import PLATFORM, TenantNotFound, use_tenant
    from tenants.lifecycle import NewTenant, create_tenant
    from tenants.models import Service, Tenant
    from tenants.registry import tenant_by_slug

    call_command("migrate", verbosity=0)
    try:
        tenant_by_slug("acme")
    except TenantNotFound:
        create_tenant(NewTenant(slug="acme", name="Acme"))
    with use_tenant(PLATFORM):
        Tenant.objects.update(plan="unlimited")
        Service.objects.all().delete()
        facts = {"every_tenant": True, "private_ranges": "127.0.0.0/8"}
        for name, prefix, ports in (("good", "/", [good]), ("bad", "/bad/", [dead]), ("hung", "/hung/", [hanging])):
            service = Service.objects.create(
                name=name, prefixes=prefix, max_body_mib=4096, attempt_seconds=5, total_seconds=10, **facts
            )
            for port in ports:
                service.addresses.create(url=f"http://127.0.0.1:{port}")
    from shop.demo.command import hang_up

    hang_up()


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


def start_nginx(stack: ExitStack, service: int) -> int:
    """Start Debian's nginx in front of the service, and return its port."""
    port = free_port()
    file = (FOLDER / "nginx.conf").resolve()
    file.write_text(NGINX.format(folder=file.parent, service=service, port=port))
    stack.enter_context(process("nginx", "-c", str(file), "-e", str(file.parent / "nginx.err"), port=port))
    return port


def _median_rate(loads: list[Load]) -> str:
    return f"{median(one.rate for one in loads):,.0f}"


def _latencies(loads: list[Load]) -> list[str]:
    """Return the columns p50, p99 and errors."""
    p50, p99 = median(one.p50 for one in loads), median(one.p99 for one in loads)
    return [f"{p50:.2f}", f"{p99:.2f}", str(sum(one.errors for one in loads))]


def compare(ports: dict[str, int]) -> None:
    """Measure requests per second and latency through each, in turn."""
    for connections in (16, 1):
        loads = in_turn(list(ports), ROUNDS, lambda name, many=connections: wrk(ports[name], connections=many))
        rows = []
        for name, found in loads.items():
            share = ratio([one.rate for one in found], [one.rate for one in loads["bare aiohttp proxy"]])
            rows.append([name, _median_rate(found), f"{share:.2f}", *_latencies(found)])
        columns = ["", "requests a second", "of bare", "p50, ms", "p99, ms", "errors"]
        table(f"{connections} connections, 512 bytes", columns, rows)


def peak_while(gateway: psutil.Process, work: Callable[[], None]) -> tuple[float, float]:
    """Return seconds that `work` took, and by how many MiB the gateway's memory grew meanwhile, at the most."""
    before = gateway.memory_info().rss
    peak, began = before, time.perf_counter()

    async def watch() -> None:
        nonlocal peak
        done = asyncio.get_running_loop().run_in_executor(None, work)
        while not done.done():
            peak = max(peak, gateway.memory_info().rss)
            await asyncio.sleep(0.02)
        await done

    asyncio.run(watch())
    return time.perf_counter() - began, (peak - before) / MIB


def big(ports: dict[str, int], gateway: psutil.Process) -> None:
    """Send a GiB up and down."""

    def curl(*words: str) -> None:
        url = f"http://127.0.0.1:{ports['gateway']}"
        arguments = [word.replace("URL", url) for word in words]
        subprocess.run(["curl", "-sS", "-f", "-o", "/dev/null", "-H", f"Host: {HOST}", *arguments], check=True)

    file = FOLDER / "gib"
    with file.open("wb") as sparse:
        sparse.truncate(1024 * MIB)
    rows = []
    for name, words in {
        "up, with a length": ["-X", "POST", "-T", str(file), "URL/up"],
        "up, chunked": ["-X", "POST", "-H", "Transfer-Encoding: chunked", "-T", str(file), "URL/up"],
        "down, chunked": ["URL/down?mib=1024"],
        "down, to a slow reader (64 MiB at 8 MiB a second)": ["--limit-rate", "8M", "URL/down?mib=64"],
    }.items():
        seconds, grown = peak_while(gateway, lambda words=words: curl(*words))  # type: ignore[misc]
        mib = 64 if "slow" in name else 1024
        rows.append([name, f"{mib / seconds:,.0f}", f"{grown:.1f}"])
    file.unlink()
    table("A GiB through the gateway", ["", "MiB a second", "memory grew by, MiB"], rows)


async def _crowd(port: int, number: int) -> tuple[int, float]:
    """Open sockets, have each echo a word while all are open, and return how many did, and how long opening took."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        gate = asyncio.Semaphore(100)

        async def opened() -> aiohttp.ClientWebSocketResponse:
            async with gate:
                return await session.ws_connect(f"http://127.0.0.1:{port}/", headers={"Host": HOST})

        began = time.perf_counter()
        sockets = await asyncio.gather(*(opened() for _ in range(number)))
        seconds = time.perf_counter() - began
        for count, ws in enumerate(sockets):
            await ws.send_str(str(count))
        heard = [await ws.receive_str(timeout=60) == str(count) for count, ws in enumerate(sockets)]
        await asyncio.gather(*(ws.close() for ws in sockets))
        return sum(heard), seconds


def crowd(ports: dict[str, int], gateway: psutil.Process) -> None:
    """Open two thousand WebSockets at once."""
    number = 2_000
    found: list[tuple[int, float]] = []
    _, grown = peak_while(gateway, lambda: found.append(asyncio.run(_crowd(ports["gateway"], number))))
    echoed, opening = found[0]
    rows = [[f"{number:,}", f"{echoed:,}", f"{number / opening:,.0f}", f"{grown:.0f}", f"{grown * 1024 / number:.0f}"]]
    columns = ["open at once", "echoed", "opened a second", "memory grew by, MiB", "KiB each"]
    table("WebSockets through the gateway", columns, rows)


def beside_failures(ports: dict[str, int]) -> None:
    """Measure a good service alone, beside one that is dead, and beside one that hangs."""
    port = ports["gateway"]

    def once(name: str) -> Load:
        if name == "alone":
            return wrk(port)
        command = ["wrk", "-t1", "-c16", f"-d{SECONDS + 1}s", "-H", f"Host: {HOST}", f"http://127.0.0.1:{port}/{name}/"]
        beside = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        time.sleep(0.5)
        try:
            return wrk(port)
        finally:
            beside.wait()

    # A good neighbour under the same load is the measure: the machine is as busy with it.
    loads = in_turn(["alone", "good", "bad", "hung"], ROUNDS, once)
    names = {"good": "beside a good one", "bad": "beside a dead one", "hung": "beside one that hangs"}
    rows = [[names.get(name, name), _median_rate(found), *_latencies(found)] for name, found in loads.items()]
    table("A good service, and its neighbour", ["", "requests a second", "p50, ms", "p99, ms", "errors"], rows)


def soak(ports: dict[str, int], gateway: psutil.Process) -> None:
    """Send a hundred thousand requests, some to services that fail, and see what is left of them."""
    port = ports["gateway"]
    rate = wrk(port, seconds=2).rate
    wrk(port, "/bad/", seconds=1)
    rows, sent = [["before", "0", f"{gateway.memory_info().rss / MIB:.1f}", str(gateway.num_fds())]], 0.0
    while sent < 100_000:
        load = wrk(port, seconds=max(2, round(50_000 / rate)))
        sent += load.rate * max(2, round(50_000 / rate))
        wrk(port, "/bad/", seconds=2)
        time.sleep(20)  # idle connections are closed after fifteen seconds
        rows.append(["", f"{sent:,.0f}", f"{gateway.memory_info().rss / MIB:.1f}", str(gateway.num_fds())])
    table("After many requests", ["", "requests", "memory, MiB", "open files"], rows)


def main() -> None:
    """Measure everything."""
    for program in ("wrk", "curl"):
        if shutil.which(program) is None:
            raise SystemExit(f"{program} is missing: apt-get install {program}")
    FOLDER.mkdir(parents=True, exist_ok=True)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(65_536, resource.getrlimit(resource.RLIMIT_NOFILE)[1]),) * 2)
    parts = [sys.executable, "-m", "bench.gateway_parts"]
    with ExitStack() as stack, socket.create_server(("127.0.0.1", 0), backlog=4096) as hanging:
        service, bare, gateway = free_port(), free_port(), free_port()
        register(service, free_port(), hanging.getsockname()[1])
        stack.enter_context(process(*parts, "service", str(service), port=service))
        stack.enter_context(process(*parts, "bare", str(bare), str(service), port=bare))
        ours = stack.enter_context(
            process(sys.executable, "manage.py", "run_gateway", "--port", str(gateway), port=gateway)
        )
        ports = {"bare aiohttp proxy": bare, "gateway": gateway}
        if shutil.which("nginx"):
            ports["nginx"] = start_nginx(stack, service)
        ports["no proxy"] = service
        wrk(gateway, seconds=1)
        compare(ports)
        beside_failures(ports)
        big(ports, ours)
        crowd(ports, ours)
        soak(ports, ours)
    console.print("Each proxy is one process; load generator, proxy and service share the machine.")


if __name__ == "__main__":
    main()
