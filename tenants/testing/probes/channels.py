"""Probes of channel layers: a message to a group, and one to a consumer's channel."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial
from typing import Any

from asgiref.sync import async_to_sync
from django.conf import settings
from django.utils.module_loading import import_string

from tenants.context import TenantInfo, use_tenant
from tenants.errors import TenancyError
from tenants.testing.probe import Probe, Stage, acting

_SECONDS = 0.5
_SECONDS_OF_CONTROL = 10.0


def channel_probes() -> list[Probe]:
    """Return two probes for each of CHANNEL_LAYERS."""
    return [
        Probe(name=f"{what} of channel layer {alias!r}", look=partial(_message, alias, what))
        for alias in getattr(settings, "CHANNEL_LAYERS", {})
        for what in ("a group", "a channel")
    ]


def _message(alias: str, what: str, stage: Stage, reader: TenantInfo | None) -> str:
    """Send a message as the reader, and return it if the owner receives it."""
    return str(async_to_sync(partial(_received, alias, what, stage, reader))())


async def _received(alias: str, what: str, stage: Stage, reader: TenantInfo | None) -> str:
    # Another layer each time, since one belongs to its event loop.
    layer: Any = import_string("channels.layers.channel_layers").make_backend(alias)
    with use_tenant(stage.owner):
        channel = await layer.new_channel()
        await layer.group_add(stage.secret, channel)
        receiving = asyncio.ensure_future(layer.receive(channel))
    with acting(reader), suppress(TenancyError):
        if what == "a group":
            await layer.group_send(stage.secret, {"type": "probe", "text": stage.secret})
        else:
            await layer.send(channel, {"type": "probe", "text": stage.secret})
    await asyncio.wait({receiving}, timeout=_SECONDS_OF_CONTROL if reader == stage.owner else _SECONDS)
    found = receiving.result()["text"] if receiving.done() else ""
    receiving.cancel()
    with use_tenant(stage.owner):
        await layer.group_discard(stage.secret, channel)
    return str(found)
