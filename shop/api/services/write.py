"""Changing goods and skus for clients of the API: plain functions, each one transaction or part of one.

They raise `ValidationError` for what the models refuse, and `APIError` for what is not there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.http import Http404

from shop.api.errors import validation_api_error
from shop.goods.models import Category, Goods, Picture, Sku
from tenants.contrib.api.errors import APIError, ErrorDetail
from tenants.variants import resolve, whole_row_of


def save_clean(row: models.Model, fields: Mapping[str, Any]) -> None:
    """Put `fields` into a row and save it, if the model finds nothing wrong with it."""
    for name, value in fields.items():
        setattr(row, name, value)
    row.full_clean()
    row.save()


@transaction.atomic
def create_goods(fields: Mapping[str, Any], skus: Sequence[Mapping[str, Any]], pictures: Sequence[Any]) -> Goods:
    """Make goods with their skus and pictures, and return them."""
    goods: Goods = resolve("goods.models.Goods")()
    save_clean(goods, _with_category(fields))
    for number, sku in enumerate(skus):
        _add_sku(goods, {"position": number, **sku}, ("skus", number))
    _put_pictures(goods, pictures)
    return goods


def change_goods(goods: Goods, fields: Mapping[str, Any], pictures: Sequence[Any] | None) -> None:
    """Change goods, and put `pictures` in the place of those that there are, unless they are None."""
    if fields or pictures is not None:
        save_clean(goods, _with_category(fields))
    if pictures is not None:
        goods.pictures.filter(file="").delete()
        _put_pictures(goods, pictures)


@transaction.atomic
def add_sku(goods: Goods, fields: Mapping[str, Any]) -> Sku:
    """Make a sku of goods, and return it."""
    return _add_sku(goods, fields, ())


def _add_sku(goods: Goods, fields: Mapping[str, Any], place: tuple[str | int, ...]) -> Sku:
    if len(fields.get("option_values", ())) != len(goods.option_names):
        names = ", ".join(goods.option_names) or "none"
        reason = f"One value is needed for each option of the goods ({names})."
        raise APIError(422, reason, errors=[ErrorDetail(("body", *place, "option_values"), reason, "options")])
    sku: Sku = resolve("goods.models.Sku")(goods=goods, **fields)
    try:
        sku.full_clean(exclude=["goods"])
    except ValidationError as error:
        raise validation_api_error(error, place) from error
    sku.save()
    return sku


def change_stock(sku: Sku, stock: int | None, change: int | None) -> None:
    """Set the stock of a locked sku, or change it, whichever is not None.

    Raise `APIError` for taking out more than there are, unless the sku takes back orders.
    """
    wanted = sku.stock + (change or 0) if stock is None else stock
    is_short = wanted < 0 and not sku.allow_backorders
    if is_short or not -(2**31) <= wanted < 2**31:
        raise APIError(409, f"There are {sku.stock} pieces; {wanted} cannot be.", kind="out-of-stock")
    save_clean(sku, {"stock": wanted})


def change_prices(sku: Sku, price: Decimal, compare_at_price: Decimal | None) -> None:
    """Set what a sku costs."""
    save_clean(sku, {"price": price, "compare_at_price": compare_at_price})


def _with_category(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields with the category in the place of its slug."""
    found = dict(fields)
    if slug := found.get("category"):
        try:
            found["category"] = Category.objects.get(slug=slug)
        except Category.DoesNotExist:
            reason = f"There is no category {slug!r}."
            errors = [ErrorDetail(("body", "category"), reason, "unknown")]
            raise APIError(409, reason, kind="no-such-category", errors=errors) from None
    return found


def _put_pictures(goods: Goods, pictures: Sequence[Any]) -> None:
    for number, picture in enumerate(pictures):
        row = Picture(goods=goods, source_url=picture.url, alt=picture.alt, position=number + 1)
        try:
            row.full_clean(exclude=["goods"])
        except ValidationError as error:
            raise validation_api_error(error, ("pictures", number)) from error
        row.save()


def get_or_404(rows: models.QuerySet[Any], what: str, key: Any, *, lock: bool = False, **lookup: Any) -> Any:
    """Return the one row, locked if it is about to be changed; raise `Http404` in words if there is none."""
    chosen = rows.select_for_update(of=whole_row_of(rows.model)) if lock else rows
    row = chosen.filter(**lookup).first()
    if row is None:
        raise Http404(f"There is no {what} {key!r}.")
    return row
