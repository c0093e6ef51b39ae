"""Sangga as it is delivered, driven by `bench.worker`: a shop of each variant."""

from __future__ import annotations

from bench.peers.sangga.adapter import inside
from tenants.lifecycle import TenantSpec, create_tenant, set_variant

__all__ = ["create", "inside", "set_variant"]


def create(name: str) -> None:
    """Open the shop of a variant, which is called `default-shop` or `customer-a-shop`."""
    variant = name.removesuffix("-shop").replace("-", "_")
    create_tenant(TenantSpec(slug=name, owner_email=f"owner@{name}.example", variant=variant, currency="USD"))
