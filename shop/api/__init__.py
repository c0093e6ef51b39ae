"""The shop's API: one for each variant and version."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ninja import NinjaAPI


@cache
def api_for(variant: str, version: str) -> NinjaAPI:
    """Return the API of `variant` in `version` (`v1`); raise `KeyError` for an unknown version."""
    from shop.api import v1, v2  # not above: importing any part of the API imports this

    return {"v1": v1.make, "v2": v2.make}[version](variant)
