"""The shop's API: for each variant and version one, made once, with the fields of that variant's goods in it."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ninja import NinjaAPI


@cache
def api_for(variant: str, version: str) -> NinjaAPI:
    """Return the API that shops of `variant` have in `version` (`v1`); raise `KeyError` for a version there is not."""
    from shop.api import v1  # not above: models import nothing of the API, but importing a part of it imports this

    return {"v1": v1.make}[version](variant)
