"""Driven by `bench.worker` as Sangga is; the shops are also served behind a gateway."""

from __future__ import annotations

from bench.peers.sangga.adapter import create, inside
from shop.demo.services import SERVICES
from tenants import PLATFORM, use_tenant
from tenants.contrib.services.models import Service

__all__ = ["create", "inside", "register"]


def register(ports: list[int]) -> None:
    """Register the processes at these ports as `make services` does."""
    with use_tenant(PLATFORM):
        service = Service.objects.create(name="shop", **SERVICES["shop"])
        for port in ports:
            service.addresses.create(url=f"http://127.0.0.1:{port}")
