"""The dashboard of the shop's admin: open orders, sales and low stock."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Count, Sum
from django.db.models.functions import TruncDate
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from shop.goods.models import Sku
from shop.goods.money import EXACT, amount_of, total_of
from shop.goods.templatetags.money import money
from shop.orders.models import Order
from tenants import current_tenant

DAYS = 30
"""Days in the chart, including today."""
LOW_STOCK = 3
"""Stock up to this number counts as low."""
_LISTED = 6
_BAR_HEIGHT = 100


class Figure(NamedTuple):
    """A number at the top of the page, with a link to its list."""

    title: Any
    value: int | str
    url: str
    alarming: bool = False


class Bar(NamedTuple):
    """A day in the chart; `height` is out of `_BAR_HEIGHT`."""

    day: date
    amount: Decimal
    x: int
    y: int
    height: int


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Return the context of the admin's index for this user (unfold's `DASHBOARD_CALLBACK`), in at most 5 queries."""
    figures: list[Figure] = []
    if _may_see(request.user, "orders", "order"):
        context |= _orders(figures)
    if _may_see(request.user, "goods", "sku"):
        context |= _stock(figures)
    return {**context, "figures": figures}


def _may_see(user: User | AnonymousUser, app: str, model: str) -> bool:
    return any(user.has_perm(f"{app}.{right}_{model}") for right in ("view", "change"))


def _orders(figures: list[Figure]) -> dict[str, Any]:
    counts = dict(Order.objects.order_by().values_list("status").annotate(Count("pk")))
    sold = _sold_by_day()
    figures += [
        Figure(
            _("Awaiting payment"), counts.get(Order.Status.PLACED, 0), _list("orders_order", status__exact="placed")
        ),
        Figure(_("Awaiting shipment"), counts.get(Order.Status.PAID, 0), _list("orders_order", status__exact="paid")),
        Figure(_("Sales, last 30 days"), money(total_of(sold.values())), _list("orders_order")),
    ]
    return {"bars": _bars(sold), "newest": Order.objects.select_related("customer")[:_LISTED]}


def _sold_by_day() -> dict[date, Decimal]:
    """Return the sales by day in the shop's currency, without cancelled orders."""
    first = timezone.localdate() - timedelta(days=DAYS - 1)
    since = timezone.make_aware(datetime.combine(first, time.min))
    orders = Order.objects.filter(placed_at__gte=since, currency=current_tenant().currency)
    days = orders.exclude(status=Order.Status.CANCELLED).order_by().values(day=TruncDate("placed_at"))
    return dict(days.values_list("day", Sum("total")))


def _bars(sold: dict[date, Decimal]) -> list[Bar]:
    if not sold:
        return []
    today, highest = timezone.localdate(), max(sold.values()) or Decimal(1)
    bars = []
    for number in range(DAYS):
        day = today - timedelta(days=DAYS - 1 - number)
        amount = sold.get(day, Decimal(0))
        height = round(EXACT.divide(amount_of(amount, _BAR_HEIGHT), highest))
        bars.append(Bar(day, amount, number * 20 + 3, _BAR_HEIGHT - height, height))
    return bars


def _stock(figures: list[Figure]) -> dict[str, Any]:
    low = Sku.objects.filter(goods__is_published=True, track_stock=True, stock__lte=LOW_STOCK)
    out = low.filter(stock__lte=0, allow_backorders=False).count()
    sold_out = _list("goods_sku", stock__lte="0", track_stock__exact="1", allow_backorders__exact="0")
    figures.append(Figure(_("Out of stock"), out, sold_out, out > 0))
    return {"low": low.select_related("goods").order_by("stock", "goods__name", "id")[:_LISTED]}


def _list(name: str, **filters: str) -> str:
    return f"{reverse(f'admin:{name}_changelist')}?{urlencode(filters)}".rstrip("?")
