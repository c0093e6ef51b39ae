"""Orders: public to place, as in the storefront; staff lists them and sets their status."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI, Router

from shop.api.filters import query_of
from shop.api.idempotency import IdempotencyKey, idempotent
from shop.api.operations import access_of, get_or_404, with_types
from shop.api.schema_factory import VersionSchemas
from shop.api.schemas.orders import LineIn, OrderFilter, OrderIn, OrderOut, StatusIn
from shop.orders import services
from shop.orders.checkout import has_placed, place_order_from
from shop.orders.models import Order
from tenants.contrib.api.auth import AllowAny, HasPermissions, check_permissions
from tenants.contrib.api.cursor_pagination import by_time
from tenants.contrib.api.errors import APIError, ErrorDetail
from tenants.contrib.api.etags import IfMatch, check_if_match, etag_of, with_etag
from tenants.contrib.api.pagination import Pagination

_NEWEST_FIRST = by_time("-placed_at")
_STATUS_SERVICES = {"paid": services.mark_paid, "shipped": services.mark_shipped, "cancelled": services.cancel_order}


def make_router(api: NinjaAPI, schemas: VersionSchemas, pagination: Pagination) -> Router:
    router = Router(tags=["orders"])
    _add_placing(router, api, schemas)
    _add_managing(router, schemas, pagination)
    return router


def _add_placing(router: Router, api: NinjaAPI, schemas: VersionSchemas) -> None:
    @router.post("", response={201: schemas.order}, auth=AllowAny())
    @with_types(data=schemas.order_in)
    def create_order(request: HttpRequest, data: OrderIn, idempotency_key: IdempotencyKey = None) -> Any:
        """Place an order of the lines in the request, or of the cart.

        If a SKU is sold out or no longer for sale, no order is placed (409).
        """

        def place() -> HttpResponse:
            shown = _shown(request, schemas, _placed(request, schemas, data))
            response = api.create_response(request, shown.model_dump(), status=201)
            response["ETag"] = etag_of(shown)
            response["Location"] = f"{request.path}/{shown.number}"
            return response

        return idempotent(request, idempotency_key, place)


def _placed(request: HttpRequest, schemas: VersionSchemas, data: OrderIn) -> Order:
    return place_order_from(
        request.session,
        services.CustomerDetails(**data.customer.model_dump()),
        data.ship_to,
        quantities=None if data.lines is None else _quantities(data.lines),
        agreed_total=None if data.agreed_total is None else schemas.money.read(data.agreed_total, "agreed_total"),
        is_remembered=access_of(request).scopes is None,  # a request with a token has no use for its session
    )


def _quantities(lines: Sequence[LineIn]) -> dict[int, int]:
    quantities = {line.sku: line.quantity for line in lines}
    if len(quantities) < len(lines):
        reason = "A SKU appears twice. Combine its lines."
        raise APIError(422, f"lines: {reason}", errors=[ErrorDetail(("body", "lines"), reason, "twice")])
    return quantities


def _add_managing(router: Router, schemas: VersionSchemas, pagination: Pagination) -> None:
    @router.get("", response=pagination.schema_of(schemas.order), auth=HasPermissions("orders.view_order"))
    @with_types(filters=query_of(pagination, OrderFilter))
    def list_orders(request: HttpRequest, response: HttpResponse, filters: OrderFilter) -> Any:
        """List orders, the newest first."""
        wanted = {"status": filters.status, "customer": filters.customer, "placed_at__gte": filters.placed_since}
        orders = _orders().filter(**{name: value for name, value in wanted.items() if value is not None})
        return pagination.paginate(orders, _NEWEST_FIRST, filters, request, response)

    @router.get("/{number}", response=schemas.order, auth=AllowAny())
    def get_order(request: HttpRequest, response: HttpResponse, number: str) -> Any:
        """Get an order: for staff any, for a session those that it placed."""
        if not has_placed(request.session, number):
            check_permissions(access_of(request), "orders.view_order")
        return with_etag(request, response, _shown(request, schemas, _order(number)))

    @router.put("/{number}/status", response=schemas.order, auth=HasPermissions("orders.change_order"))
    def set_status(
        request: HttpRequest, response: HttpResponse, number: str, data: StatusIn, if_match: IfMatch = None
    ) -> Any:
        """Mark an order as paid or shipped, or cancel it and restock its SKUs."""
        with transaction.atomic():
            order = _order(number, lock=True)
            check_if_match(if_match, _shown(request, schemas, order))
            _STATUS_SERVICES[data.status](order)
        return with_etag(request, response, _shown(request, schemas, _order(number)))


def _orders() -> QuerySet[Order]:
    return Order.objects.select_related("customer").prefetch_related("lines")


def _order(number: str, *, lock: bool = False) -> Order:
    return get_or_404(_orders(), "order", number, lock=lock, number=number.replace("\0", ""))


def _shown(request: HttpRequest, schemas: VersionSchemas, order: Order) -> OrderOut:
    return schemas.order.model_validate(order, context={"request": request})
