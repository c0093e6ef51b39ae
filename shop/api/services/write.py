"""Changes of goods and SKUs by clients of the API. Each is one transaction, or part of one.

They raise `ValidationError` for what the models refuse, and `APIError` for references to unknown rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models, transaction

from shop.api.errors import validation_api_error
from shop.api.schemas.goods import PictureIn
from shop.goods.models import Category, Goods, Picture, Sku
from tenants.contrib.api.errors import APIError, ErrorDetail
from tenants.variants import resolve

Location = tuple[str | int, ...]


def save_clean(row: models.Model, fields: Mapping[str, Any]) -> None:
    """Set fields of a row and save it; raise `ValidationError` for invalid values."""
    for name, value in fields.items():
        setattr(row, name, value)
    row.full_clean()
    row.save()


@transaction.atomic
def create_goods(fields: Mapping[str, Any], skus: Sequence[Mapping[str, Any]], pictures: Sequence[PictureIn]) -> Goods:
    goods = resolve(Goods)()
    save_clean(goods, _with_category(fields))
    for number, sku in enumerate(skus):
        _add_sku(goods, {"position": number, **sku}, ("skus", number))
    _add_pictures(goods, pictures)
    return goods


def change_goods(goods: Goods, fields: Mapping[str, Any], pictures: Sequence[PictureIn] | None) -> None:
    """Change goods; `pictures` replace those with an address elsewhere, unless they are None."""
    if fields or pictures is not None:
        save_clean(goods, _with_category(fields))
    if pictures is not None:
        goods.pictures.filter(file="").delete()
        _add_pictures(goods, pictures)


@transaction.atomic
def add_sku(goods: Goods, fields: Mapping[str, Any]) -> Sku:
    return _add_sku(goods, fields, ())


def _add_sku(goods: Goods, fields: Mapping[str, Any], location: Location) -> Sku:
    if len(fields.get("option_values", ())) != len(goods.option_names):
        names = ", ".join(goods.option_names) or "none"
        reason = f"Send one value for each option of the goods ({names})."
        raise APIError(422, reason, errors=[ErrorDetail(("body", *location, "option_values"), reason, "options")])
    sku = resolve(Sku)(goods=goods, **fields)
    _save_part(sku, location)
    return sku


def change_stock(sku: Sku, stock: int | None, change: int | None) -> None:
    """Set the stock of a locked SKU, or change it, whichever is not None.

    Raise `APIError` if it would be below 0, unless the SKU allows back orders.
    """
    wanted = sku.stock + (change or 0) if stock is None else stock
    is_short = wanted < 0 and not sku.allow_backorders
    if is_short or not -(2**31) <= wanted < 2**31:
        raise APIError(409, f"The stock is {sku.stock} and cannot become {wanted}.", kind="out-of-stock")
    save_clean(sku, {"stock": wanted})


def change_prices(sku: Sku, price: Decimal, compare_at_price: Decimal | None) -> None:
    save_clean(sku, {"price": price, "compare_at_price": compare_at_price})


def _with_category(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Replace the slug of the category by the category."""
    found = dict(fields)
    if slug := found.get("category"):
        try:
            found["category"] = Category.objects.get(slug=slug)
        except Category.DoesNotExist:
            reason = f"No category has the slug {slug!r}."
            errors = [ErrorDetail(("body", "category"), reason, "unknown")]
            raise APIError(409, reason, kind="no-such-category", errors=errors) from None
    return found


def _add_pictures(goods: Goods, pictures: Sequence[PictureIn]) -> None:
    for number, picture in enumerate(pictures):
        row = Picture(goods=goods, source_url=picture.url, alt=picture.alt, position=number + 1)
        _save_part(row, ("pictures", number))


def _save_part(row: Sku | Picture, location: Location) -> None:
    try:
        row.full_clean(exclude=["goods"])
    except ValidationError as error:
        raise validation_api_error(error, location) from error
    row.save()
