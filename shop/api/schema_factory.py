"""The schemas in which amounts of money stand: made for a version, in its way to write them, and for a variant."""

# Without `from __future__ import annotations`: the classes below are made of types that are known when they are made.

from dataclasses import dataclass
from typing import Any

from ninja import Field, Schema

from shop.api.compose import with_fields
from shop.api.money import MoneyFormat
from shop.api.schemas.fields import Input
from shop.api.schemas.goods import GoodsFacts, GoodsFactsIn, GoodsFilter, GoodsPatch
from shop.api.schemas.orders import LineFacts, OrderFacts, OrderFactsIn
from shop.api.schemas.skus import SkuFacts, SkuFactsIn, SkuPatch
from shop.goods.models import Goods, Picture, Sku
from shop.orders.cart import CartLine
from shop.orders.models import Order, OrderLine
from tenants import current_tenant


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionSchemas:
    """What the operations of one version take and give, for shops of one variant."""

    money: MoneyFormat
    goods: type[Schema]
    goods_in: type[Input]
    goods_patch: type[GoodsPatch]
    goods_filter: type[GoodsFilter]
    sku: type[Schema]
    sku_in: type[SkuFactsIn]
    sku_patch: type[SkuPatch]
    prices_in: type[Input]
    order: type[Schema]
    order_in: type[OrderFactsIn]
    cart: type[Schema]


def make_version_schemas(money: MoneyFormat, variant: str) -> VersionSchemas:
    """Return the schemas of a version that writes amounts of money in this way, for shops of `variant`."""
    sku_of_goods, sku = (with_fields(one, variant, "goods.schemas.SkuFields") for one in _skus(money))
    sku_in, prices_in = _skus_in(money)
    sku_in = with_fields(sku_in, variant, "goods.schemas.SkuInput")
    return VersionSchemas(
        money=money,
        goods=with_fields(_goods(money, sku_of_goods), variant, "goods.schemas.GoodsFields"),
        goods_in=with_fields(_goods_in(sku_in), variant, "goods.schemas.GoodsInput"),
        goods_patch=with_fields(GoodsPatch, variant, "goods.schemas.GoodsInput"),
        goods_filter=with_fields(GoodsFilter, variant, "goods.schemas.GoodsFilter"),
        sku=sku,
        sku_in=sku_in,
        sku_patch=with_fields(SkuPatch, variant, "goods.schemas.SkuInput"),
        prices_in=prices_in,
        order=_order(money),
        order_in=_order_in(money),
        cart=_cart(money),
    )


def _skus(money: MoneyFormat) -> tuple[type[Schema], type[Schema]]:
    def show(amount: Any) -> Any:
        return None if amount is None else money.show(amount, current_tenant().currency)

    class SkuOfGoodsOut(SkuFacts):
        """A sku, with what it costs today."""

        price: money.shown
        compare_at_price: money.shown | None

        @staticmethod
        def resolve_price(sku: Sku) -> Any:
            return show(sku.selling_price)

        @staticmethod
        def resolve_compare_at_price(sku: Sku) -> Any:
            return show(sku.selling_price_before)

    class SkuOut(money.beside, SkuFacts):
        """A sku as staff looks after it."""

        goods: int = Field(alias="goods_id", description="The id of the goods that it is one of.")
        goods_name: str = Field(alias="goods.name")
        position: int
        price: money.shown = Field(description="As it was entered.")
        compare_at_price: money.shown | None

        @staticmethod
        def resolve_price(sku: Sku) -> Any:
            return show(sku.price)

        @staticmethod
        def resolve_compare_at_price(sku: Sku) -> Any:
            return show(sku.compare_at_price)

    return SkuOfGoodsOut, SkuOut


def _skus_in(money: MoneyFormat) -> tuple[type[SkuFactsIn], type[Input]]:
    class PricesIn(Input):
        """What a sku costs from now on."""

        price: money.sent
        compare_at_price: money.sent | None = Field(None, description="The price before, to be shown crossed out.")

    class SkuIn(SkuFactsIn, PricesIn):
        """A sku to be made."""

    return SkuIn, PricesIn


def _goods(money: MoneyFormat, sku: type[Schema]) -> type[Schema]:
    class GoodsOut(money.beside, GoodsFacts):
        """Something that the shop sells."""

        price: money.shown | None = Field(description="The lowest of its skus; null if it has none.")
        skus: list[sku]  # type: ignore[valid-type]

        @staticmethod
        def resolve_price(goods: Goods) -> Any:
            lowest = goods.lowest_price
            return None if lowest is None else money.show(lowest, current_tenant().currency)

        @staticmethod
        def resolve_skus(goods: Goods) -> list[Sku]:
            return goods.sku_list

        @staticmethod
        def resolve_pictures(goods: Goods) -> list[Picture]:
            return goods.picture_list

    return GoodsOut


def _goods_in(sku_in: type[SkuFactsIn]) -> type[Input]:
    class GoodsIn(GoodsFactsIn):
        """Goods to be made, with their skus."""

        skus: list[sku_in] = Field(default=[], max_length=2048)  # type: ignore[valid-type]

    return GoodsIn


def _order(money: MoneyFormat) -> type[Schema]:
    class OrderLineOut(LineFacts):
        """Some pieces of one sku, with names and prices as they were on the day."""

        unit_price: money.shown
        amount: money.shown

        @staticmethod
        def resolve_unit_price(line: OrderLine) -> Any:
            return money.show(line.unit_price, line.order.currency)

        @staticmethod
        def resolve_amount(line: OrderLine) -> Any:
            return money.show(line.amount, line.order.currency)

    class OrderOut(money.beside, OrderFacts):
        """What one customer bought at one time."""

        total: money.shown
        lines: list[OrderLineOut]

        @staticmethod
        def resolve_total(order: Order) -> Any:
            return money.show(order.total, order.currency)

    return OrderOut


def _order_in(money: MoneyFormat) -> type[OrderFactsIn]:
    class OrderIn(OrderFactsIn):
        """An order to be placed."""

        agreed_total: money.sent | None = Field(
            None, description="What the customer has agreed to pay: at another total, nothing is ordered (409)."
        )

    return OrderIn


def _cart(money: MoneyFormat) -> type[Schema]:
    class CartLineOut(Schema):
        """Some pieces of one sku, as they cost today."""

        sku: int = Field(alias="sku.pk")
        goods: int = Field(alias="sku.goods_id")
        goods_name: str = Field(alias="sku.goods.name")
        sku_title: str = Field(alias="sku.title")
        quantity: int
        stock: int = Field(alias="sku.stock")
        track_stock: bool = Field(alias="sku.track_stock")
        allow_backorders: bool = Field(alias="sku.allow_backorders")
        is_short: bool = Field(description="Whether fewer pieces may be ordered than are wanted.")
        unit_price: money.shown
        amount: money.shown

        @staticmethod
        def resolve_unit_price(line: CartLine) -> Any:
            return money.show(line.sku.selling_price, current_tenant().currency)

        @staticmethod
        def resolve_amount(line: CartLine) -> Any:
            return money.show(line.amount, current_tenant().currency)

    class CartOut(money.beside):
        """What this session means to buy."""

        lines: list[CartLineOut]
        total: money.shown

        @staticmethod
        def resolve_total(cart: Any) -> Any:
            return money.show(cart["total"], current_tenant().currency)

    return CartOut
