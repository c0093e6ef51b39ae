"""Schemas of one API version for one variant, built from those that all versions share."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from functools import reduce
from operator import or_
from types import UnionType
from typing import Any, TypeVar, Union, cast, get_args, get_origin

from ninja import Schema
from pydantic import create_model

from shop.api.schemas.cart import CartLineOut, CartOut
from shop.api.schemas.goods import GoodsFilter, GoodsIn, GoodsOut, GoodsPatch
from shop.api.schemas.money import AmountIn, AmountOut, MoneyFormat
from shop.api.schemas.orders import OrderIn, OrderLineOut, OrderOut
from shop.api.schemas.skus import PricesIn, SkuIn, SkuOfGoodsOut, SkuOut, SkuPatch
from shop.goods import schemas as variant_schemas
from tenants.errors import InvalidVariant
from tenants.variants import resolve_for

S = TypeVar("S", bound=Schema)


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionSchemas:
    """What the operations of one version take and return."""

    money: MoneyFormat
    goods: type[GoodsOut]
    goods_in: type[GoodsIn]
    goods_patch: type[GoodsIn]
    goods_filter: type[GoodsFilter]
    sku: type[SkuOut]
    sku_in: type[SkuIn]
    sku_patch: type[SkuIn]
    prices_in: type[PricesIn]
    order: type[OrderOut]
    order_in: type[OrderIn]
    cart: type[CartOut]


def make_version_schemas(money: MoneyFormat, variant: str) -> VersionSchemas:
    """Return the schemas of a version that writes money in this format, with the fields that `variant` adds."""
    types: dict[Any, Any] = {AmountOut: money.output, AmountIn: money.input}

    def build(shared: type[S], added: type[Schema] | None = None, base: type[Schema] = Schema) -> type[S]:
        variants = () if added is None else (_checked(resolve_for(variant, added), variant, shared),)
        bases: tuple[type[Schema], ...] = (*variants, shared, base)  # the fields of the last come first
        bases = tuple(one for one in bases if one is shared or one not in shared.__mro__)
        types[shared] = built = _built(shared, bases, types)
        return built

    # What another schema contains is built before it.
    build(SkuOfGoodsOut, variant_schemas.SkuFields)
    build(OrderLineOut)
    build(CartLineOut)
    sku_in = build(SkuIn, variant_schemas.SkuInput)
    return VersionSchemas(
        money=money,
        goods=build(GoodsOut, variant_schemas.GoodsFields, money.base),
        goods_in=build(GoodsIn, variant_schemas.GoodsInput),
        goods_patch=build(GoodsPatch, variant_schemas.GoodsInput),
        goods_filter=build(GoodsFilter, variant_schemas.GoodsFilter),
        sku=build(SkuOut, variant_schemas.SkuFields, money.base),
        sku_in=sku_in,
        sku_patch=build(SkuPatch, variant_schemas.SkuInput),
        prices_in=build(PricesIn),
        order=build(OrderOut, base=money.base),
        order_in=build(OrderIn),
        cart=build(CartOut, base=money.base),
    )


def _checked(added: type[Schema], variant: str, shared: type[Schema]) -> type[Schema]:
    """Return the variant's schema, or raise `InvalidVariant` for a field that every shop's API has already."""
    taken = sorted(added.model_fields.keys() & shared.model_fields.keys())
    if taken:
        reason = (
            f"{added.__module__}: the schema {added.__name__} defines {', '.join(taken)}, which {shared.__name__} of "
            f"the API has for every shop. Rename it."
        )
        raise InvalidVariant(variant, [reason])
    return added


def _built(shared: type[S], bases: tuple[type[Schema], ...], types: Mapping[Any, Any]) -> type[S]:
    """Return a child of `bases` with the name of `shared`, whose fields have the types of this version."""
    fields: dict[str, Any] = {
        name: (annotation, copy(field))
        for name, field in shared.model_fields.items()
        if (annotation := _replaced(field.annotation, types)) is not field.annotation
    }
    built: type[S] = create_model(
        shared.__name__,
        __base__=cast(tuple[type[S], ...], bases),
        __doc__=shared.__doc__,
        __module__=shared.__module__,
        **fields,
    )
    return built


def _replaced(annotation: Any, types: Mapping[Any, Any]) -> Any:
    """Return a type in which those of `types` are replaced, also in a union or list; the same object if none is."""
    if isinstance(annotation, type) and annotation in types:
        return types[annotation]
    inside = get_args(annotation)
    replaced = tuple(_replaced(one, types) for one in inside)
    if replaced == inside:
        return annotation
    if get_origin(annotation) in {Union, UnionType}:
        return reduce(or_, replaced)
    return get_origin(annotation)[replaced]
