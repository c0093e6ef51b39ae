"""Timeouts of a service while a body is sent to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from multidict import CIMultiDict

from tenants.contrib.services.load_balancer import OutgoingRequest

HOURS = 3_600.0


async def body() -> AsyncIterator[bytes]:
    yield b"one chunk"


def upload(limit: asyncio.Timeout) -> OutgoingRequest:
    return OutgoingRequest("POST", "/", CIMultiDict(), tenant=1, deadline=HOURS, body=body(), timeout=limit)


def test_chunk_of_a_body_puts_the_time_limit_off() -> None:
    async def send() -> None:
        async with asyncio.timeout(HOURS) as limit:
            before = limit.when()
            assert [chunk async for chunk in upload(limit).chunks(2 * HOURS)] == [b"one chunk"]
            assert before is not None
            assert (limit.when() or 0) > before + HOURS / 2

    asyncio.run(send())


def test_chunk_after_the_time_limit_is_no_error_of_the_body() -> None:
    async def send() -> OutgoingRequest:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0) as limit:
                await asyncio.sleep(HOURS)
        outgoing = upload(limit)
        assert [chunk async for chunk in outgoing.chunks(HOURS)] == [b"one chunk"]
        return outgoing

    assert asyncio.run(send()).body_error is None
