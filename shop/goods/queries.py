"""The questions that lists of goods ask, each in a constant number of queries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Exists, Max, Min, OuterRef, Prefetch, Q, Subquery, Sum

from tenants.variants import resolve

if TYPE_CHECKING:
    from shop.goods.models import Goods, Sku  # noqa: F401

_MAX_WORDS = 10
"""Of a search that count, so that nobody makes the database work long with one long text."""


class SkuQuerySet(models.QuerySet["Sku"]):
    """Skus, and what they cost. Begin with `resolve("goods.models.Sku").objects`: the shop's pricing wants that."""

    def available(self) -> Self:
        """Keep what may be sold at all, in stock or not. Here that is everything; a variant's skus may know better."""
        return self

    def for_sale(self) -> Self:
        """Keep what customers may buy, as far as there is some in stock."""
        return self.available().filter(goods__is_published=True)

    def in_stock(self) -> Self:
        """Keep those of which a piece may be ordered now: not counted, there, or on back order."""
        return self.filter(Q(track_stock=False) | Q(allow_backorders=True) | Q(stock__gt=0))

    def priced(self) -> Self:
        """Furnish skus with `selling_price`, and `selling_price_before` (or None), by the shop's own pricing."""
        pricing = resolve("goods.services.pricing")
        return self.annotate(selling_price=pricing.price(), selling_price_before=pricing.price_before())


class GoodsQuerySet(models.QuerySet["Goods"]):
    """Goods, narrowed and furnished for lists."""

    def published(self) -> Self:
        """Keep what customers may see."""
        return self.filter(is_published=True)

    def in_category(self, slug: str) -> Self:
        """Keep the goods of one category."""
        return self.filter(category__slug=slug)

    def search(self, text: str) -> Self:
        """Keep goods that have every word (of the first ten) in one of their `searched_fields` or in a sku's code."""
        found = self
        # PostgreSQL's text holds no NUL, so nothing that is stored could match it.
        for word in text.replace("\0", " ").split()[:_MAX_WORDS]:
            matches = Q(Exists(_skus_of_goods().filter(code__icontains=word)))
            for field in self.model.searched_fields:
                matches |= Q(**{f"{field}__icontains": word})
            found = found.filter(matches)
        return found

    def with_prices(self) -> Self:
        """Furnish goods for a list: one query for the goods, one each for their skus and pictures.

        Adds `lowest_price`, `highest_price` (None without skus), `stock` (the pieces that are counted and there) and
        `in_stock` (whether one may be ordered), to show and to sort by, all of what is available; the skus have what
        `SkuQuerySet.priced` adds.
        """
        price = resolve("goods.services.pricing").price()
        # Subqueries and not a join: PostgreSQL then works them out for the rows of one page, not for all goods.
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
        """Furnish goods for programs, with less than `with_prices`: `lowest_price`, `sku_list` and `picture_list`.

        Those are lists. A related manager would need a queryset of its own for each of the goods, which costs more
        than to read the rows.
        """
        price = resolve("goods.services.pricing").price()
        return (
            self.annotate(lowest_price=_over_skus(Min(price)))
            .select_related("category")
            .prefetch_related(
                Prefetch("skus", _skus().priced(), to_attr="sku_list"), Prefetch("pictures", to_attr="picture_list")
            )
        )


def _skus() -> SkuQuerySet:
    return resolve("goods.models.Sku").objects.available()


def _skus_of_goods() -> SkuQuerySet:
    return _skus().filter(goods=OuterRef("pk")).order_by()


def _over_skus(aggregate: models.Aggregate) -> Subquery:
    return Subquery(_skus_of_goods().values("goods").annotate(answer=aggregate).values("answer"))
