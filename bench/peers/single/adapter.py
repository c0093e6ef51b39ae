"""The single shop, driven by `bench.worker`: it goes by any name."""

from __future__ import annotations

from contextlib import nullcontext

from shop.variants.customer_a.models import Goods as GoodsToStock

__all__ = ["GoodsToStock", "inside"]
# A request without customer A's fields lists them like all other goods.


def inside(name: str) -> nullcontext[None]:
    """Give the context in which the ORM works on the shop."""
    return nullcontext()
