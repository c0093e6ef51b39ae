"""The shop's own parts of an OpenAPI document."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from shop.goods.money import DECIMAL_PLACES, MAX_DIGITS, exponent, plain_money
from tenants import current_tenant
from tenants.contrib.oauth.openapi import add_token_paths


def refine(document: dict[str, Any]) -> None:
    """Add the active shop's currency and token endpoints to an OpenAPI document."""
    describe_currency(document)
    add_token_paths(document)


def describe_currency(document: dict[str, Any]) -> None:
    """Write the shop's currency, and the decimal places of its amounts, into an OpenAPI document."""
    currency = current_tenant().currency
    places = exponent(currency)
    fraction = rf"(\.[0-9]{{1,{places}}})?" if places else ""
    for schema in _schemas_in(document):
        if schema.get("format") == "amount":
            schema["pattern"] = rf"^[0-9]{{1,{MAX_DIGITS - DECIMAL_PLACES}}}{fraction}$"
            schema["examples"] = [plain_money(Decimal(50), currency)]
        elif schema.get("format") == "currency":
            schema.update(examples=[currency], const=currency)


def _schemas_in(part: Any) -> Iterator[dict[str, Any]]:
    if isinstance(part, dict):
        yield part
    for inner in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        yield from _schemas_in(inner)
