"""Visitors of one shop, in a process of their own that costs next to nothing: `python -m bench.visitors`.

It reads a line of JSON, which says who comes, and prints one, which says what they got. Every request is a new
visitor's, with a connection of its own.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import sys
import time
from collections import Counter
from contextlib import suppress
from itertools import cycle, islice
from typing import Any
from urllib.parse import urlencode

PATIENCE = 60.0
"""Seconds after which a visitor gives up."""
PAUSE = 0.2
"""Seconds until a refused visitor tries again, with any Retry-After."""

FLOOD_PAUSE = 1.0
"""Seconds until an address of a flood sends its next logins."""


async def ask(port: int, host: str, path: str) -> tuple[str, float]:
    """Return the status that a visitor gets, and how many seconds it took until all of the page was there."""
    request = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept: application/json\r\nConnection: close\r\n\r\n"
    started = time.perf_counter()
    try:
        async with asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(request.encode())
            answer = await reader.read()
            writer.close()
    except (OSError, TimeoutError) as error:
        return type(error).__name__, time.perf_counter() - started
    return answer[9:12].decode() or "nothing", time.perf_counter() - started


def moments(rate: float, seconds: float, seed: int) -> list[float]:
    """Return when visitors come, in seconds from now: each at any moment of a slot, the same ones for the same seed."""
    chance = random.Random(seed)
    return [(slot + chance.random()) / rate for slot in range(round(rate * seconds))]


async def steady(port: int, host: str, path: str, rate: float, seconds: float, seed: int) -> dict[str, Any]:
    """Let visitors come at random moments, however long others wait; return what each got, and who came late."""
    begun, late = time.perf_counter(), []

    async def visit(moment: float) -> tuple[str, float]:
        await asyncio.sleep(begun + moment - time.perf_counter())
        late.append(time.perf_counter() - begun - moment)
        return await ask(port, host, path)

    got = await asyncio.gather(*(visit(moment) for moment in moments(rate, seconds, seed)))
    return {"seconds": [each for _, each in got], "statuses": Counter(status for status, _ in got), "late": late}


async def crowd(port: int, host: str, paths: list[str], visitors: int) -> dict[str, Any]:
    """Let so many ask, each for the next as soon as the last has come, until standard input ends."""
    over, statuses = asyncio.Event(), Counter[str]()
    asyncio.get_running_loop().add_reader(sys.stdin, over.set)

    async def visit(path: str) -> None:
        while not over.is_set():
            status, _ = await ask(port, host, path)
            statuses[status] += 1
            if status != "200":
                with suppress(TimeoutError):
                    await asyncio.wait_for(over.wait(), PAUSE)

    await asyncio.gather(*(visit(path) for path in islice(cycle(paths), visitors)))
    return {"statuses": statuses}


async def flood(port: int, host: str, path: str, addresses: int, each: int) -> dict[str, Any]:
    """Let so many addresses of loopback send wrong logins, so many at once each, until standard input ends."""
    over, statuses = asyncio.Event(), Counter[str]()
    asyncio.get_running_loop().add_reader(sys.stdin, over.set)
    page = await _exchange(port, "127.0.0.1", f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")
    cookie, token = (
        re.search(text, page) for text in (r"(?i)set-cookie: ([^;]+)", r'csrfmiddlewaretoken" value="(\w+)')
    )
    if cookie is None or token is None:
        raise RuntimeError(f"{host}{path} is no page to sign in at: {page[:300]}")
    form = urlencode({"csrfmiddlewaretoken": token[1], "username": "ghost", "password": "wrong"})
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie[1]}\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(form)}\r\nConnection: close\r\n\r\n"
    )

    async def attack(address: str) -> None:
        while not over.is_set():
            answers = await asyncio.gather(*(_exchange(port, address, head + form) for _ in range(each)))
            statuses.update(answer[9:12] or "nothing" for answer in answers)
            with suppress(TimeoutError):
                await asyncio.wait_for(over.wait(), FLOOD_PAUSE)

    await asyncio.gather(*(attack(f"127.0.1.{number}") for number in range(1, addresses + 1)))
    return {"statuses": statuses}


async def _exchange(port: int, address: str, request: str) -> str:
    try:
        async with asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
            writer.write(request.encode())
            answer = await reader.read()
            writer.close()
    except (OSError, TimeoutError):
        return ""
    return answer.decode(errors="replace")


if __name__ == "__main__":
    order = json.loads(sys.stdin.readline())
    os.nice(order.pop("nice"))
    print(json.dumps(asyncio.run({"steady": steady, "crowd": crowd, "flood": flood}[order.pop("who")](**order))))
