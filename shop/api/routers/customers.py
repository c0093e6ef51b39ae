"""Customers, for staff."""

# Without `from __future__ import annotations`: ninja reads them, and some name classes that are made for a version.

from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router

from shop.api.crud import Resource
from shop.api.filters import filter_for, search_words
from shop.api.schemas.customers import CustomerFilter, CustomerIn, CustomerOut, CustomerPatch
from shop.customers.models import Customer
from tenants.contrib.api.auth import HasPermissions
from tenants.contrib.api.cursor_pagination import by_time
from tenants.contrib.api.etags import IfMatch
from tenants.contrib.api.pagination import Pagination

_NEWEST_FIRST = by_time("-created_at")
_CUSTOMERS = Resource(model=Customer, name="customer", shown=CustomerOut)


def make_router(pagination: Pagination) -> Router:
    """Return the router of a version that cuts lists in this way."""
    router = Router(tags=["customers"])
    Filter = filter_for(pagination, CustomerFilter)  # noqa: N806  # a class

    @router.get("", response=pagination.schema_of(CustomerOut), auth=HasPermissions("customers.view_customer"))
    def list_customers(request: HttpRequest, response: HttpResponse, filters: Query[Filter]) -> Any:
        """List customers, the newest first."""
        customers = search_words(Customer.objects.all(), filters.search, "name", "email", "phone")
        return pagination.paginate(customers, _NEWEST_FIRST, filters, request, response)

    @router.get("/{customer_id}", response=CustomerOut, auth=HasPermissions("customers.view_customer"))
    def get_customer(request: HttpRequest, response: HttpResponse, customer_id: int) -> Any:
        """Get one customer."""
        return _CUSTOMERS.get(request, response, customer_id)

    @router.post("", response={201: CustomerOut}, auth=HasPermissions("customers.add_customer"))
    def create_customer(request: HttpRequest, response: HttpResponse, data: CustomerIn) -> Any:
        """Enter a customer."""
        return _CUSTOMERS.create(request, response, data)

    @router.patch("/{customer_id}", response=CustomerOut, auth=HasPermissions("customers.change_customer"))
    def change_customer(
        request: HttpRequest, response: HttpResponse, customer_id: int, data: CustomerPatch, if_match: IfMatch = None
    ) -> Any:
        """Change a customer."""
        return _CUSTOMERS.change(request, response, customer_id, data, if_match)

    return router
