"""Querysets of goods and SKUs, each in a constant number of queries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Exists, Max, Min, OuterRef, Prefetch, Q, Subquery, Sum

from shop.goods.services import pricing
from tenants.variants import resolve

if TYPE_CHECKING:
    from shop.goods.models import Goods, Sku  # noqa: F401

_MAX_WORDS = 10
"""More words are ignored, so that a long text cannot keep the database busy."""


class SkuQuerySet(models.QuerySet["Sku"]):
    """SKUs and their prices. Start from `resolve(Sku).objects`: the shop's pricing needs its own model."""

    def available(self) -> Self:
        """Keep what can be sold at all, in stock or not. A variant's SKUs may filter here."""
        return self

    def for_sale(self) -> Self:
        """Keep what customers can buy, in stock or not."""
        return self.available().filter(goods__is_published=True)

    def in_stock(self) -> Self:
        """Keep what can be ordered now: untracked, in stock, or on back order."""
        return self.filter(Q(track_stock=False) | Q(allow_backorders=True) | Q(stock__gt=0))

    def priced(self) -> Self:
        """Add `selling_price` and `selling_price_before` (or None) by the shop's own pricing."""
        prices = resolve(pricing)
        return self.annotate(selling_price=prices.price(), selling_price_before=prices.price_before())


class GoodsQuerySet(models.QuerySet["Goods"]):
    """Goods, filtered and prepared for lists."""

    def published(self) -> Self:
        return self.filter(is_published=True)

    def in_category(self, slug: str) -> Self:
        return self.filter(category__slug=slug)

    def search(self, text: str) -> Self:
        """Keep goods that have every word in one of their `searched_fields` or in the code of a SKU."""
        found = self
        # PostgreSQL's text holds no NUL, so nothing that is stored could match it.
        for word in text.replace("\0", " ").split()[:_MAX_WORDS]:
            matches = Q(Exists(_skus_of_goods().filter(code__icontains=word)))
            for field in self.model.searched_fields:
                matches |= Q(**{f"{field}__icontains": word})
            found = found.filter(matches)
        return found

    def with_prices(self) -> Self:
        """Prepare goods for pages: one query for the goods, one each for their SKUs and pictures.

        Adds `lowest_price`, `highest_price` (None without SKUs), `stock` (the tracked stock, if positive) and
        `in_stock` (whether one can be ordered). The SKUs have what `SkuQuerySet.priced` adds.
        """
        price = resolve(pricing).price()
        # Subqueries and not a join: PostgreSQL evaluates them for the rows of one page, not for all goods.
        return (
            self.annotate(
                lowest_price=_over_skus(Min(price)),
                highest_price=_over_skus(Max(price)),
                stock=_over_skus(Sum("stock", filter=Q(track_stock=True, stock__gt=0))),
                in_stock=Exists(_skus_of_goods().in_stock()),
            )
            .select_related("category")
            .prefetch_related(Prefetch("skus", _skus().priced()), "pictures")
        )

    def with_lists(self) -> Self:
        """Prepare goods for the API, with less than `with_prices`: `lowest_price`, `sku_list` and `picture_list`.

        Lists are faster than related managers, which create a queryset for each of the goods.
        """
        return (
            self.annotate(lowest_price=_over_skus(Min(resolve(pricing).price())))
            .select_related("category")
            .prefetch_related(
                Prefetch("skus", _skus().priced(), to_attr="sku_list"), Prefetch("pictures", to_attr="picture_list")
            )
        )


def _skus() -> SkuQuerySet:
    model: type[Sku] = resolve("goods.models.Sku")  # by name: the models import this module
    return model.objects.available()


def _skus_of_goods() -> SkuQuerySet:
    return _skus().filter(goods=OuterRef("pk")).order_by()


def _over_skus(aggregate: models.Aggregate) -> Subquery:
    return Subquery(_skus_of_goods().values("goods").annotate(answer=aggregate).values("answer"))
