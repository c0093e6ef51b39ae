"""Money is a decimal of the shop's currency."""

from __future__ import annotations

import decimal
from collections.abc import Iterator
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

import pytest
from django.core.exceptions import ValidationError
from django.template import Context, Template
from django.utils import translation

from shop.goods.csv_cells import write_cell
from shop.goods.money import (
    amount_of,
    exponent,
    fits_currency,
    format_money,
    plain_money,
    total_of,
    validate_money,
)
from shop.orders import cart
from shop.orders.models import OrderLine
from shop.variants.customer_a.models import Goods as GoodsOfCustomerA
from tenants import TenantInfo, use_tenant

WON = TenantInfo(id=1, slug="acme", schema="t_1", currency="KRW", language="ko")
DOLLARS = TenantInfo(id=2, slug="globex", schema="t_2", currency="USD")


@pytest.mark.parametrize(
    ("amount", "currency", "language", "written"),
    [
        ("50000", "KRW", "ko", "50,000원"),
        ("50000.00", "KRW", "en", "₩50,000"),
        ("1234567.5", "USD", "en", "$1,234,567.50"),
        ("50", "USD", "ko", "$50.00"),
        ("1234.5", "EUR", "de", "€1.234,50"),
        ("0", "JPY", "en", "¥0"),
        ("-12.5", "USD", "en", "-$12.50"),
        ("50", "CHF", "en", "CHF\N{NO-BREAK SPACE}50.00"),
        ("999999999999.99", "USD", "en", "$999,999,999,999.99"),
    ],
)
def test_money_is_written_for_the_reader(amount: str, currency: str, language: str, written: str) -> None:
    assert format_money(Decimal(amount), currency, language) == written


def test_money_for_machines_has_the_places_of_its_currency() -> None:
    assert plain_money(Decimal("50000.00"), "KRW") == "50000"
    assert plain_money(Decimal("1234567.5"), "USD") == "1234567.50"


def test_won_and_yen_have_no_fractions() -> None:
    assert (exponent("KRW"), exponent("JPY"), exponent("USD"), exponent("EUR")) == (0, 0, 2, 2)


@pytest.mark.parametrize(
    ("amount", "currency", "fits"),
    [
        ("50.00", "KRW", True),
        ("50.5", "KRW", False),
        ("50.25", "USD", True),
        ("50.255", "USD", False),
        ("50.000", "USD", True),
        ("123456789012.00000000000000000000000000001", "USD", False),
        ("1e80", "USD", False),
        ("NaN", "USD", False),
        ("Infinity", "USD", False),
    ],
)
def test_an_amount_has_no_smaller_fraction_than_its_currency(amount: str, currency: str, fits: bool) -> None:
    assert fits_currency(Decimal(amount), currency) is fits


def test_the_validator_asks_for_the_currency_of_the_active_shop() -> None:
    with use_tenant(DOLLARS):
        validate_money(Decimal("9.99"))
    with use_tenant(WON), pytest.raises(ValidationError, match="KRW have at most 0"):
        validate_money(Decimal("9.99"))


def test_a_negative_amount_is_refused() -> None:
    with use_tenant(DOLLARS), pytest.raises(ValidationError, match="negative"):
        validate_money(Decimal("-1"))


def test_the_template_filter_writes_in_the_currency_of_the_shop() -> None:
    template = Template("{% load money %}{{ price|money }} {{ price|money:'USD' }} {{ none|money }}")
    with use_tenant(WON), translation.override("ko"):
        assert template.render(Context({"price": Decimal(50000), "none": None})) == "50,000원 $50,000.00 "


# --- In any decimal context of the thread


@pytest.fixture(
    params=[
        {"prec": 3},
        {"prec": 1, "rounding": decimal.ROUND_UP},
        {"rounding": decimal.ROUND_CEILING, "traps": [decimal.Inexact, decimal.Rounded]},
        {"Emax": 1, "Emin": -1, "prec": 2},
        {"capitals": 0, "clamp": 1},
    ],
    ids=str,
)
def spoilt(request: pytest.FixtureRequest) -> Iterator[None]:
    with decimal.localcontext(decimal.Context(**request.param)):
        yield


def test_money_does_not_depend_on_the_threads_decimal_context(spoilt: None) -> None:
    """Fault 56: `decimal.getcontext().prec = 3` in other code changes no price and no total."""
    price = Decimal("178.20")
    line = cast("Any", SimpleNamespace(amount=Decimal("178.20")))
    assert format_money(price, "USD", "en") == "$178.20"
    assert format_money(Decimal("-178.20"), "USD", "en") == "-$178.20"
    assert plain_money(price, "USD") == "178.20"
    assert plain_money(Decimal("123456789012.00"), "KRW") == "123456789012"
    assert str(amount_of(price, 99)) == "17641.80"
    assert str(total_of([price, Decimal("0.01"), Decimal("99999999.99")])) == "100000178.20"
    assert str(OrderLine(unit_price=price, quantity=3).amount) == "534.60"
    assert str(cart.total_of([line] * 3)) == "534.60"
    assert fits_currency(price, "USD")
    assert not fits_currency(price, "KRW")
    assert write_cell(Decimal("1234567.80")) == "1234567.8"
    assert str(GoodsOfCustomerA(tax_rate=Decimal("0.1234")).tax_percent) == "12.34"
    with use_tenant(DOLLARS):
        validate_money(price)
        assert Template("{% load money %}{{ amount|money }}").render(Context({"amount": price})) == "$178.20"


def test_money_leaves_the_threads_decimal_context_as_it_is(spoilt: None) -> None:
    before = repr(decimal.getcontext())
    format_money(Decimal("178.20"), "USD", "en")
    plain_money(Decimal("178.20"), "USD")
    total_of([Decimal("178.20")] * 3)
    assert repr(decimal.getcontext()) == before
