"""Lists of goods, and the page of a product."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from shop.goods.models import Category, Goods
from shop.storefront.context import page_context
from shop.storefront.listing import NEWEST, ORDERINGS, listed_goods
from tenants.variants import resolve

PAGE_SIZE = 12
RELATED_GOODS = 4
LOW_STOCK = 5
"""Up to this stock the page says how many are left."""
_SEARCH_MAX_LENGTH = 100


@require_safe
def goods_list(request: HttpRequest) -> HttpResponse:
    return _list_page(request, page_context(request), category=None)


@require_safe
def category(request: HttpRequest, slug: str) -> HttpResponse:
    context = page_context(request)
    found = next((entry for entry in context["categories"] if entry.slug == slug), None)
    if found is None:
        raise Http404(f"No category has the slug {slug!r}.")
    return _list_page(request, context, category=found)


@require_safe
def goods_detail(request: HttpRequest, slug: str) -> HttpResponse:
    goods = get_object_or_404(resolve(Goods).objects.published().with_prices(), slug=slug)
    skus, pictures = list(goods.skus.all()), list(goods.pictures.all())
    context = {
        "goods": goods,
        "skus": skus,
        "pictures": pictures,
        "chosen": next((sku for sku in skus if sku.is_in_stock), None),
        "prices_differ": goods.lowest_price != goods.highest_price,
        "low_stock": LOW_STOCK,
        "related": _related_to(goods),
    }
    return render(request, "storefront/goods_detail.html", page_context(request) | context)


def _list_page(request: HttpRequest, context: dict[str, Any], category: Category | None) -> HttpResponse:
    search = request.GET.get("q", "")[:_SEARCH_MAX_LENGTH].strip()
    sort = request.GET.get("sort", NEWEST)
    sort = sort if sort in ORDERINGS else NEWEST
    goods = listed_goods().search(search).order_by(*ORDERINGS[sort])
    if category is not None:
        goods = goods.filter(category=category)
    page = Paginator(goods, PAGE_SIZE).get_page(request.GET.get("page"))
    is_front = not (search or category or page.has_previous() or sort != NEWEST)
    context |= {
        "page": page,
        "page_numbers": page.paginator.get_elided_page_range(page.number, on_each_side=1, on_ends=1),
        "category": category,
        "search": search,
        "sort": sort,
        "sortings": {"newest": _("Newest"), "cheapest": _("Lowest price"), "dearest": _("Highest price")},
        "featured": next(iter(page.object_list), None) if is_front else None,
    }
    return render(request, "storefront/goods_list.html", context)


def _related_to(goods: Goods) -> list[Goods]:
    if goods.category_id is None:
        return []
    return list(listed_goods().filter(category=goods.category_id).exclude(pk=goods.pk)[:RELATED_GOODS])
