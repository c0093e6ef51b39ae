"""The shop's API: for each variant and version one, made once, with the fields of that variant's goods in it."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ninja import NinjaAPI


@cache
def api_for(variant: str, version: str) -> NinjaAPI:
    """Return the API that shops of `variant` have in `version` (`v1`); raise `KeyError` for a version there is not."""
    from shop.api import v1, v2  # not above: importing any part of the API imports this

    return {"v1": v1.make, "v2": v2.make}[version](variant)
