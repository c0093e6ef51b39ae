"""Orders: everybody may place one, as in the storefront; staff sees all of them and says what becomes of each."""

# Without `from __future__ import annotations`: ninja reads them, and some name classes that are made for a version.

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI, Query, Router, Schema

from shop.api.filters import filter_for
from shop.api.idempotency import IdempotencyKey, idempotent
from shop.api.schema_factory import VersionSchemas
from shop.api.schemas.orders import LineIn, OrderFilter, StatusIn
from shop.api.services.write import get_or_404
from shop.orders import services
from shop.orders.cart import Cart
from shop.orders.checkout import has_placed, place_order_at_total, remember
from shop.orders.models import Order
from tenants.contrib.api.auth import AllowAny, HasPermissions, check_permissions
from tenants.contrib.api.cursor_pagination import by_time
from tenants.contrib.api.errors import APIError, ErrorDetail
from tenants.contrib.api.etags import IfMatch, check_if_match, etag_of, with_etag
from tenants.contrib.api.pagination import Pagination
from tenants.isolation.sessions import exclusive

_NEWEST_FIRST = by_time("-placed_at")
_BECOMES = {"paid": services.mark_paid, "shipped": services.mark_shipped, "cancelled": services.cancel_order}


def make_router(api: NinjaAPI, schemas: VersionSchemas, pagination: Pagination) -> Router:
    """Return the router of a version that has these schemas and cuts lists in this way."""
    router = Router(tags=["orders"])
    _add_placing(router, api, schemas)
    _add_looking_after(router, schemas, pagination)
    return router


def _add_placing(router: Router, api: NinjaAPI, schemas: VersionSchemas) -> None:
    OrderIn = schemas.order_in  # noqa: N806  # a class

    @router.post("", response={201: schemas.order}, auth=AllowAny())
    def create_order(request: HttpRequest, data: OrderIn, idempotency_key: IdempotencyKey = None) -> Any:
        """Place an order: of the lines that are sent, or else of what is in the cart.

        What is sold out or not for sale any more is told (409), and then nothing was ordered.
        """

        def place() -> HttpResponse:
            shown = _as_shown(request, schemas, _placed(request, schemas, data))
            answer = api.create_response(request, shown.model_dump(), status=201)
            answer["ETag"] = etag_of(shown)
            answer["Location"] = f"{request.path}/{shown.number}"
            return answer

        return idempotent(request, idempotency_key, place)


def _placed(request: HttpRequest, schemas: VersionSchemas, data: Any) -> Order:
    agreed = None if data.agreed_total is None else schemas.money.read(data.agreed_total, "agreed_total")
    customer = services.CustomerDetails(**data.customer.model_dump())
    with exclusive(request.session):
        cart = Cart(request.session)
        quantities = cart.quantities if data.lines is None else _quantities(data.lines)
        order = place_order_at_total(agreed, customer, quantities, data.ship_to)
        if data.lines is None:
            cart.clear()
        if request.auth.scopes is None:  # a session, and not a token, which has no use for one
            remember(request.session, order)
    return order


def _quantities(lines: Sequence[LineIn]) -> dict[int, int]:
    quantities = {line.sku: line.quantity for line in lines}
    if len(quantities) < len(lines):
        reason = "A sku is there twice. Put its pieces into one line."
        raise APIError(422, f"lines: {reason}", errors=[ErrorDetail(("body", "lines"), reason, "twice")])
    return quantities


def _add_looking_after(router: Router, schemas: VersionSchemas, pagination: Pagination) -> None:
    Filter = filter_for(pagination, OrderFilter)  # noqa: N806  # a class

    @router.get("", response=pagination.schema_of(schemas.order), auth=HasPermissions("orders.view_order"))
    def list_orders(request: HttpRequest, response: HttpResponse, filters: Query[Filter]) -> Any:
        """List orders, the newest first."""
        return pagination.paginate(_narrowed(filters), _NEWEST_FIRST, filters, request, response)

    @router.get("/{number}", response=schemas.order, auth=AllowAny())
    def get_order(request: HttpRequest, response: HttpResponse, number: str) -> Any:
        """Get one order: any for staff, their own for the session that placed it."""
        if not has_placed(request.session, number):
            check_permissions(request.auth, "orders.view_order")
        return with_etag(request, response, _shown(request, schemas, number))

    @router.put("/{number}/status", response=schemas.order, auth=HasPermissions("orders.change_order"))
    def set_status(
        request: HttpRequest, response: HttpResponse, number: str, data: StatusIn, if_match: IfMatch = None
    ) -> Any:
        """Say that an order is paid, shipped or cancelled; what is cancelled goes back into stock."""
        with transaction.atomic():
            order = _order(number, lock=True)
            check_if_match(if_match, _shown(request, schemas, number))
            _BECOMES[data.status](order)
        return with_etag(request, response, _shown(request, schemas, number))


def _narrowed(filters: Any) -> QuerySet[Order]:
    wanted = {"status": filters.status, "customer": filters.customer, "placed_at__gte": filters.placed_since}
    return _orders().filter(**{name: value for name, value in wanted.items() if value is not None})


def _orders() -> QuerySet[Order]:
    return Order.objects.select_related("customer").prefetch_related("lines")


def _order(number: str, *, lock: bool = False) -> Order:
    return get_or_404(_orders(), "order", number, lock=lock, number=number.replace("\0", ""))


def _shown(request: HttpRequest, schemas: VersionSchemas, number: str) -> Schema:
    return _as_shown(request, schemas, _order(number))


def _as_shown(request: HttpRequest, schemas: VersionSchemas, order: Order) -> Schema:
    return schemas.order.model_validate(order, context={"request": request})
