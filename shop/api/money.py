"""Amounts of money on the wire: in version 1 a text with the currency beside it, in version 2 both in one object."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Any, Protocol

from ninja import Field, Schema
from pydantic import WithJsonSchema

from shop.api.schemas.fields import Input
from shop.goods.money import DECIMAL_PLACES, MAX_DIGITS, exponent, plain_money
from tenants import current_tenant
from tenants.contrib.api.errors import APIError, ErrorDetail
from tenants.contrib.oauth.openapi import add_token_paths

_WRITTEN = {"type": "string", "format": "amount", "pattern": r"^[0-9]{1,12}(\.[0-9]{1,3})?$", "examples": ["50.00"]}

Amount = Annotated[Decimal, Field(ge=0, max_digits=MAX_DIGITS, decimal_places=DECIMAL_PLACES), WithJsonSchema(_WRITTEN)]
"""An amount as it is sent."""
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$", description="ISO 4217.", examples=["USD"])]


class Money(Schema):
    """An amount, and in which currency."""

    amount: str = Field(description="A decimal with as many places as the currency has.", examples=["50.00"])
    currency: Currency


class MoneyIn(Input):
    """An amount in the shop's currency."""

    amount: Amount
    currency: Annotated[Currency, Field(json_schema_extra={"format": "currency"})]


class MoneyFormat(Protocol):
    """A way to write amounts of money."""

    shown: Any
    """The type of an amount that is shown."""
    sent: Any
    """The type of an amount that is sent."""
    beside: type[Schema]
    """What stands beside amounts, in the object that has them."""

    def show(self, amount: Decimal, currency: str) -> Any:
        """Return an amount as it is shown."""

    def read(self, sent: Any, field: str) -> Decimal:
        """Return the amount that was sent in a field; raise `APIError` if it is of another currency."""


class _CurrencyBeside(Schema):
    currency: Currency

    @staticmethod
    def resolve_currency(thing: Any) -> str:
        return getattr(thing, "currency", None) or current_tenant().currency


class _NothingBeside(Schema):
    pass


class AmountStrings:
    """`"price": "50.00", "currency": "USD"`."""

    shown = Annotated[str, Field(description="A decimal with as many places as the currency has.", examples=["50.00"])]
    sent = Amount
    beside = _CurrencyBeside

    def show(self, amount: Decimal, currency: str) -> str:
        """Return an amount as it is shown."""
        return plain_money(amount, currency)

    def read(self, sent: Decimal, field: str) -> Decimal:
        """Return the amount that was sent."""
        return sent


class AmountObjects:
    """`"price": {"amount": "50.00", "currency": "USD"}`: nothing that is sent can be taken for another currency."""

    shown = Money
    sent = MoneyIn
    beside = _NothingBeside

    def show(self, amount: Decimal, currency: str) -> Money:
        """Return an amount as it is shown."""
        return Money(amount=plain_money(amount, currency), currency=currency)

    def read(self, sent: MoneyIn, field: str) -> Decimal:
        """Return the amount that was sent; raise `APIError` if it is of another currency."""
        own = current_tenant().currency
        if sent.currency != own:
            reason = f"Amounts are in {own} here, not in {sent.currency}."
            raise APIError(
                422, f"{field}: {reason}", errors=[ErrorDetail(("body", field, "currency"), reason, "currency")]
            )
        return sent.amount


def describe_currency(document: dict[str, Any]) -> None:
    """Say in an OpenAPI document which currency the active shop has, and how many places its amounts."""
    currency = current_tenant().currency
    places = exponent(currency)
    fraction = rf"(\.[0-9]{{1,{places}}})?" if places else ""
    for schema in _schemas_in(document):
        if schema.get("format") == "amount":
            schema["pattern"] = rf"^[0-9]{{1,{MAX_DIGITS - DECIMAL_PLACES}}}{fraction}$"
            schema["examples"] = [plain_money(Decimal(50), currency)]
        elif schema.get("format") == "currency":
            schema.update(examples=[currency], const=currency)


def refine(document: dict[str, Any]) -> None:
    """Make an OpenAPI document that of the active shop."""
    describe_currency(document)
    add_token_paths(document)


def _schemas_in(part: Any) -> Iterator[dict[str, Any]]:
    if isinstance(part, dict):
        yield part
    for inner in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        yield from _schemas_in(inner)
