"""A process of one contender that stays up and is told what to do: a line of JSON in, a line of JSON out.

Standard output is for answers alone; what commands print goes to standard error.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import Any

import django
from django.apps import apps
from django.core.servers.basehttp import get_internal_wsgi_application


def create(names: list[str]) -> list[float]:
    """Open tenants; return how many seconds each took."""
    return [_seconds(partial(adapter.create, name)) for name in names]


def adopt(names: list[str], script: str) -> None:
    """Make tenants quickly, by SQL: the ones that are there when a measurement begins."""
    from django.db import connection

    ddl = Path(script).read_text()
    for name in names:
        with connection.cursor() as cursor:
            cursor.execute(f'CREATE SCHEMA "{name}"; SET search_path = "{name}";\n{ddl}')
        connection.close()
        adapter.adopt(name)


def make_template() -> None:
    """Make the schema that new tenants are cloned from."""
    adapter.make_template()


def register(ports: list[int]) -> None:
    """Write down, as an operator does in the admin, that processes at these ports serve the shops."""
    adapter.register(ports)


def stock(names: list[str]) -> None:
    """Put twenty goods with two skus each into each tenant."""
    from bench.goods import fill_shop
    from shop.goods.models import Goods

    for name in names:
        with adapter.inside(name):
            fill_shop(getattr(adapter, "GoodsToStock", Goods))


def stock_many(name: str, rows: int) -> None:
    """Put so many goods, with a sku each, into a tenant."""
    from bench.goods import stock_warehouse

    with adapter.inside(name):
        stock_warehouse(rows)


def read(name: str, what: str, times: int) -> list[float]:
    """Read a tenant's goods, as Python objects, and return how many seconds of this process each time took.

    The process's own time, since what else the machine does is much more than what is looked for.
    """
    from bench.goods import READINGS

    def seconds() -> float:
        started = time.process_time()
        READINGS[what]()
        return time.process_time() - started

    with adapter.inside(name):
        return [seconds() for _ in range(times)]


def set_variant(name: str, variant: str) -> float:
    """Give a tenant another variant, and return when that was done, by the clock that all processes share."""
    adapter.set_variant(name, variant)
    return time.monotonic()


def meet_situations() -> dict[str, str]:
    """Return what the engine answers to each of `bench.situations`."""
    from bench.situations import answers

    return answers(adapter)


def get(path: str, hosts: list[str], times: int, status: str = "200 OK") -> list[float]:
    """Ask for a page of each host in turn, over WSGI without a network; return how many seconds each took."""
    return [_seconds(partial(_get, path, hosts[number % len(hosts)], status)) for number in range(times)]


def _get(path: str, host: str, expected: str) -> None:
    environ = {
        "REQUEST_METHOD": "GET", "PATH_INFO": path, "QUERY_STRING": "", "SERVER_NAME": host, "SERVER_PORT": "80",
        "HTTP_HOST": host, "SERVER_PROTOCOL": "HTTP/1.1", "REMOTE_ADDR": "127.0.0.1", "wsgi.input": BytesIO(),
        "wsgi.errors": sys.stderr, "wsgi.url_scheme": "http", "wsgi.multithread": True,
    }  # fmt: skip
    said: list[str] = []
    response = application(environ, lambda line, headers: said.append(line))
    body = b"".join(response)
    response.close()
    if said != [expected] or len(body) < 7:
        raise RuntimeError(f"{host}{path} answered {said}: {body[:300]!r}")


def _seconds(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def enter_one_shop() -> None:
    """Give the shop's code, which asks for the tenant's variant, an answer where there is no engine.

    Once for the process: plain Django and the peers would have nothing of the kind to do in a request.
    """
    from tenants.context import TenantInfo, use_tenant

    use_tenant(TenantInfo(id=1, slug="shop", schema="public")).__enter__()


def main() -> None:
    """Do what standard input says until it ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    print("ready", file=answers, flush=True)
    known = (create, adopt, make_template, register, stock, stock_many, read, meet_situations, get, set_variant)
    tasks = {task.__name__: task for task in known}
    for line in sys.stdin:
        order: dict[str, Any] = json.loads(line)
        gc.collect()
        result = tasks[order.pop("task")](**order)
        print(json.dumps(result), file=answers, flush=True)


if __name__ == "__main__":
    if os.environ.get("BENCH_UNGUARDED"):
        from bench.unguarded import leave_records_unguarded

        leave_records_unguarded()
    django.setup()
    if not apps.is_installed("tenants"):
        enter_one_shop()
    adapter = import_module(os.environ["DJANGO_SETTINGS_MODULE"].rpartition(".")[0] + ".adapter")
    application = get_internal_wsgi_application()
    main()
