"""Names that a tenant's channel layer gives to the layer inside it. tests/apps tries it with Channels' own layers."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import pytest

from tenants import NoActiveTenant, TenantInfo, WrongTenant, use_tenant
from tenants.contrib.channels.layers import TenantChannelLayer

A = TenantInfo(id=1, slug="a", schema="t_1")
B = TenantInfo(id=11, slug="b", schema="t_11")


class MemoryLayer:
    """A channel layer, as small as it can be."""

    def __init__(self, *, name: str) -> None:
        self.name = name
        self.channels: dict[str, list[Any]] = defaultdict(list)
        self.groups: dict[str, set[str]] = defaultdict(set)

    async def new_channel(self, prefix: str = "specific") -> str:
        return f"{prefix}.{self.name}!{len(self.channels)}"

    async def send(self, channel: str, message: Any) -> None:
        self.channels[channel].append(message)

    async def receive(self, channel: str) -> Any:
        return self.channels[channel].pop(0)

    async def group_add(self, group: str, channel: str) -> None:
        self.groups[group].add(channel)

    async def group_discard(self, group: str, channel: str) -> None:
        self.groups[group].discard(channel)

    async def group_send(self, group: str, message: Any) -> None:
        for channel in self.groups[group]:
            await self.send(channel, message)


def make_layer() -> TenantChannelLayer:
    return TenantChannelLayer(backend=f"{__name__}.MemoryLayer", name="here")


def as_tenant(tenant: TenantInfo, call: Callable[[], Any]) -> Any:
    async def run() -> Any:
        with use_tenant(tenant):
            return await call()

    return asyncio.run(run())


def test_a_group_reaches_the_channels_of_its_tenant_alone() -> None:
    layer = make_layer()
    channels = {}
    for tenant in (A, B):
        channels[tenant.slug] = as_tenant(tenant, layer.new_channel)
        as_tenant(tenant, lambda: layer.group_add("room", channels[tenant.slug]))  # noqa: B023
    as_tenant(A, lambda: layer.group_send("room", {"type": "hello"}))
    assert as_tenant(A, lambda: layer.receive(channels["a"])) == {"type": "hello"}
    assert layer.groups == {"t_1.room": {"specific.here!0"}, "t_11.room": {"specific.here!0"}}
    as_tenant(B, lambda: layer.group_discard("room", channels["b"]))
    assert layer.groups["t_11.room"] == set()


def test_a_channel_of_another_tenant_is_refused() -> None:
    layer = make_layer()
    channel = as_tenant(A, lambda: layer.new_channel("custom"))
    assert channel == "custom.here!0@t_1"
    for call in (
        lambda: layer.send(channel, {}), lambda: layer.receive(channel), lambda: layer.group_add("room", channel),
        lambda: layer.group_discard("room", channel),
    ):  # fmt: skip
        with pytest.raises(WrongTenant):
            as_tenant(B, call)
    assert layer.channels == {}


def test_a_channel_with_a_chosen_name_is_another_in_each_tenant() -> None:
    layer = make_layer()
    as_tenant(A, lambda: layer.send("thumbnails", {"of": "a"}))
    assert layer.channels == {"t_1.thumbnails": [{"of": "a"}]}
    assert as_tenant(A, lambda: layer.receive("thumbnails")) == {"of": "a"}


def test_without_a_tenant_there_are_no_channels() -> None:
    layer = make_layer()
    for call in (
        layer.new_channel, lambda: layer.send("thumbnails", {}), lambda: layer.receive("thumbnails"),
        lambda: layer.group_send("room", {}), lambda: layer.group_add("room", "thumbnails"),
    ):  # fmt: skip
        with pytest.raises(NoActiveTenant):
            asyncio.run(call())
