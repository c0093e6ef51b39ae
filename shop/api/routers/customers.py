"""Customers, for staff."""

# Without `from __future__ import annotations`: ninja reads them, and some name classes that are made for a version.

from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Status

from shop.api.editing import found_or_404, save_clean
from shop.api.lists import filter_for, with_words
from shop.api.schemas.customers import CustomerFilter, CustomerIn, CustomerOut, CustomerPatch
from shop.customers.models import Customer
from tenants.api.access import requires
from tenants.api.conditions import IfMatch, check_match, tagged
from tenants.api.cursors import by_time
from tenants.api.pages import Pages

_NEWEST_FIRST = by_time("-created_at")


def make_router(pages: Pages) -> Router:
    """Return the router of a version that cuts lists in this way."""
    router = Router(tags=["customers"])
    Filter = filter_for(pages, CustomerFilter)  # noqa: N806  # a class

    @router.get("", response=pages.schema_of(CustomerOut), auth=requires("customers.view_customer"))
    def list_customers(request: HttpRequest, response: HttpResponse, filters: Query[Filter]) -> Any:
        """List customers, the newest first."""
        customers = with_words(Customer.objects.all(), filters.search, "name", "email", "phone")
        return pages.cut(customers, _NEWEST_FIRST, filters, request, response)

    @router.get("/{customer_id}", response=CustomerOut, auth=requires("customers.view_customer"))
    def get_customer(request: HttpRequest, response: HttpResponse, customer_id: int) -> Any:
        """Get one customer."""
        return tagged(request, response, _shown(_customer(customer_id)))

    @router.post("", response={201: CustomerOut}, auth=requires("customers.add_customer"))
    def create_customer(request: HttpRequest, response: HttpResponse, data: CustomerIn) -> Any:
        """Enter a customer."""
        customer = Customer()
        save_clean(customer, data.model_dump())
        return Status(201, tagged(request, response, _shown(customer)))

    @router.patch("/{customer_id}", response=CustomerOut, auth=requires("customers.change_customer"))
    def change_customer(
        request: HttpRequest, response: HttpResponse, customer_id: int, data: CustomerPatch, if_match: IfMatch = None
    ) -> Any:
        """Change a customer."""
        with transaction.atomic():
            customer = _customer(customer_id, lock=True)
            check_match(if_match, _shown(customer))
            save_clean(customer, data.model_dump(exclude_unset=True))
        return tagged(request, response, _shown(customer))

    return router


def _customer(customer_id: int, *, lock: bool = False) -> Customer:
    return found_or_404(Customer.objects.all(), "customer", customer_id, lock=lock, pk=customer_id)


def _shown(customer: Customer) -> CustomerOut:
    return CustomerOut.from_orm(customer)
