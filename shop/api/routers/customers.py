"""Customers, for staff."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Router

from shop.api.crud import Resource
from shop.api.filters import query_of, search_words
from shop.api.operations import with_types
from shop.api.schemas.customers import CustomerFilter, CustomerIn, CustomerOut, CustomerPatch
from shop.customers.models import Customer
from tenants.contrib.api.auth import HasPermissions
from tenants.contrib.api.cursor_pagination import by_time
from tenants.contrib.api.etags import IfMatch
from tenants.contrib.api.pagination import Pagination

_NEWEST_FIRST = by_time("-created_at")
_CUSTOMERS = Resource(model=Customer, name="customer", schema=CustomerOut)


def make_router(pagination: Pagination) -> Router:
    router = Router(tags=["customers"])

    @router.get("", response=pagination.schema_of(CustomerOut), auth=HasPermissions("customers.view_customer"))
    @with_types(filters=query_of(pagination, CustomerFilter))
    def list_customers(request: HttpRequest, response: HttpResponse, filters: CustomerFilter) -> Any:
        """List customers, the newest first."""
        customers = search_words(Customer.objects.all(), filters.search, "name", "email", "phone")
        return pagination.paginate(customers, _NEWEST_FIRST, filters, request, response)

    @router.get("/{customer_id}", response=CustomerOut, auth=HasPermissions("customers.view_customer"))
    def get_customer(request: HttpRequest, response: HttpResponse, customer_id: int) -> Any:
        """Get a customer."""
        return _CUSTOMERS.get(request, response, customer_id)

    @router.post("", response={201: CustomerOut}, auth=HasPermissions("customers.add_customer"))
    def create_customer(request: HttpRequest, response: HttpResponse, data: CustomerIn) -> Any:
        """Create a customer."""
        return _CUSTOMERS.create(request, response, data)

    @router.patch("/{customer_id}", response=CustomerOut, auth=HasPermissions("customers.change_customer"))
    @with_types(data=CustomerPatch)
    def change_customer(
        request: HttpRequest, response: HttpResponse, customer_id: int, data: CustomerIn, if_match: IfMatch = None
    ) -> Any:
        """Update a customer."""
        return _CUSTOMERS.change(request, response, customer_id, data, if_match)

    return router
