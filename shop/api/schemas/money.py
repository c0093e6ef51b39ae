"""Amounts of money in requests and responses: strings in version 1, objects with a currency in version 2."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, NamedTuple

from ninja import Field, Schema
from pydantic import BeforeValidator, WithJsonSchema

from shop.api.schemas.fields import Input
from shop.goods.money import DECIMAL_PLACES, MAX_DIGITS, plain_money
from tenants import current_tenant
from tenants.contrib.api.errors import APIError, ErrorDetail

_STRING = {"type": "string", "format": "amount", "pattern": r"^[0-9]{1,12}(\.[0-9]{1,3})?$", "examples": ["50.00"]}
_DESCRIPTION = "A decimal with as many places as the currency has."

Amount = Annotated[Decimal, Field(ge=0, max_digits=MAX_DIGITS, decimal_places=DECIMAL_PLACES), WithJsonSchema(_STRING)]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$", description="ISO 4217.", examples=["USD"])]


class AmountOut(NamedTuple):
    """An amount that a response shows; each version replaces this type by its own."""

    amount: Decimal
    currency: str


class AmountIn(Schema):
    """An amount that a request sends; each version replaces this type by its own."""


def shop_amount(amount: Decimal | None) -> AmountOut | None:
    """Return an amount in the shop's currency."""
    return None if amount is None else AmountOut(amount, current_tenant().currency)


class Money(Schema):
    """An amount and its currency."""

    amount: str = Field(description=_DESCRIPTION, examples=["50.00"])
    currency: Currency


class MoneyIn(Input):
    """An amount in the shop's currency."""

    amount: Amount
    currency: Annotated[Currency, Field(json_schema_extra={"format": "currency"})]


class WithCurrency(Schema):
    currency: Currency

    @staticmethod
    def resolve_currency(thing: Any) -> str:
        return getattr(thing, "currency", None) or current_tenant().currency


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyFormat:
    """How a version writes amounts."""

    output: Any
    """Type of an `AmountOut`."""
    input: Any
    """Type of an `AmountIn`."""
    base: type[Schema]
    """Base of the schemas that have amounts."""
    read: Callable[[Any, str], Decimal]
    """Returns the amount in a field of a request; raises `APIError` for another currency."""


def _read_object(sent: MoneyIn, field: str) -> Decimal:
    own = current_tenant().currency
    if sent.currency != own:
        reason = f"Amounts must be in {own}, not in {sent.currency}."
        raise APIError(422, f"{field}: {reason}", errors=[ErrorDetail(("body", field, "currency"), reason, "currency")])
    return sent.amount


AMOUNT_STRINGS = MoneyFormat(
    output=Annotated[
        str,
        WithJsonSchema({"type": "string", "description": _DESCRIPTION, "examples": ["50.00"]}),
        BeforeValidator(lambda shown: plain_money(*shown) if isinstance(shown, AmountOut) else shown),
    ],
    input=Amount,
    base=WithCurrency,
    read=lambda sent, field: sent,
)
"""`"price": "50.00", "currency": "USD"`."""

AMOUNT_OBJECTS = MoneyFormat(
    output=Annotated[
        Money,
        BeforeValidator(
            lambda shown: (
                Money(amount=plain_money(*shown), currency=shown.currency) if isinstance(shown, AmountOut) else shown
            )
        ),
    ],
    input=MoneyIn,
    base=Schema,
    read=_read_object,
)
"""`"price": {"amount": "50.00", "currency": "USD"}`: no amount can be taken for one in another currency."""
