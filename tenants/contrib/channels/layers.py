"""Channel layer whose groups and channels belong to the active tenant, around any other channel layer."""

from __future__ import annotations

from typing import Any

from django.utils.module_loading import import_string

from tenants.context import current_tenant
from tenants.contrib.channels.leftovers import roll_back_leftovers
from tenants.errors import WrongTenant

_OWNER = "@"
"""Between a channel's name and its tenant. No layer allows it in a name."""


class TenantChannelLayer:
    """Wraps the layer `backend`, which gets the other keys of CONFIG.

    A group has the tenant's schema before its name, and so has a channel whose name the code chooses. A channel of one
    consumer has the schema after its name, since layers look for their own names at its start. Without an active tenant
    each call raises `NoActiveTenant`. A channel of another tenant raises `WrongTenant`.
    """

    keeps_tenants_apart = True
    """Read by `manage.py check`."""

    def __init__(self, *, backend: str, **config: Any) -> None:
        self._layer = import_string(backend)(**config)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._layer, name)

    async def new_channel(self, *prefix: str) -> str:
        schema = current_tenant().schema
        return f"{await self._layer.new_channel(*prefix)}{_OWNER}{schema}"

    async def send(self, channel: str, message: dict[str, Any]) -> None:
        await self._layer.send(_own_channel(channel), message)

    async def receive(self, channel: str) -> dict[str, Any]:
        # A consumer asks for the next message when it has handled the last one.
        await roll_back_leftovers()
        message: dict[str, Any] = await self._layer.receive(_own_channel(channel))
        return message

    async def group_add(self, group: str, channel: str) -> None:
        await self._layer.group_add(_own_group(group), _own_channel(channel))

    async def group_discard(self, group: str, channel: str) -> None:
        await self._layer.group_discard(_own_group(group), _own_channel(channel))

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        await self._layer.group_send(_own_group(group), message)


def _own_group(group: str) -> str:
    # A schema has no dot, so no groups of two tenants have the same name.
    return f"{current_tenant().schema}.{group}"


def _own_channel(channel: str) -> str:
    tenant = current_tenant()
    name, mark, schema = channel.rpartition(_OWNER)
    if not mark:
        return f"{tenant.schema}.{channel}"
    if schema != tenant.schema:
        raise WrongTenant("A channel", schema, str(tenant))
    return name
