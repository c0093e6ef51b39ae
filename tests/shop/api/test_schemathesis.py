"""Valid and invalid requests by the API's own documents, to every operation: no failure for any sender.

Both versions of a shop of each variant, as a stranger and as the owner. Examples are the same in each run, and few: a
search for new ones is `SCHEMATHESIS_EXAMPLES=200 pytest tests/shop/api/test_schemathesis.py`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
import schemathesis
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client
from django.test.client import ClientHandler
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from shop.customers.models import Customer
from shop.goods.models import Category, GoodsImport, Sku
from shop.orders.services import CustomerDetails, place_order
from tenants import TenantInfo, use_tenant
from tenants.variants import resolve
from tests.shop.api.test_documents import PATHS

EXAMPLES = int(os.environ.get("SCHEMATHESIS_EXAMPLES") or 2)
FEW_AND_THE_SAME = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize="SCHEMATHESIS_EXAMPLES" not in os.environ,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)

MAY_REFUSE_WHAT_FITS = {
    "create_one": "a sku has as many option values as its goods have option names",
    "create_sku": "a sku has as many option values as its goods have option names",
    "upsert_goods": "OpenAPI knows a body of lines only as a text",
    "list_goods": "a cursor is one that a list has given out",
    "list_skus": "a cursor is one that a list has given out",
    "list_orders": "a cursor is one that a list has given out",
    "list_customers": "a cursor is one that a list has given out",
    "list_users": "a cursor is one that a list has given out",
    "list_imports": "a cursor is one that a list has given out",
    "create_token": "a scope is one that the shop has",
}
"""Operations that answer 422 to what their schema allows, and what it is that no schema can say."""


class Application:
    """The project as a WSGI application that stays in the test's transaction, at one tenant's host."""

    def __init__(self, tenant: TenantInfo) -> None:
        self._host = tenant.host
        self._handler = ClientHandler(enforce_csrf_checks=False)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        response = self._handler({**environ, "HTTP_HOST": self._host, "SERVER_NAME": self._host})
        start_response(f"{response.status_code} {response.reason_phrase}", list(response.items()))
        return [response.getvalue()]


# One of them without fractions in its currency.
SHOPS = {
    "default": {"currency": "USD"},
    "customer_a": {"currency": "EUR"},
    "grocer": {"currency": "KRW", "language": "ko"},
}


@pytest.fixture(params=SHOPS)
def tenant(request: pytest.FixtureRequest, shop_of: Callable[..., TenantInfo]) -> TenantInfo:
    """A shop of each variant in turn."""
    return shop_of(request.param, **SHOPS[request.param])


def _make_sku(name: str, stock: int) -> Sku:
    goods = resolve("goods.models.Goods").objects.create(name=name, slug=name.lower())
    made: Sku = resolve("goods.models.Sku").objects.create(goods=goods, price=Decimal(50), stock=stock)
    return made


@pytest.fixture
def there(tenant: TenantInfo) -> dict[str, Any]:
    """Return the key of something of each kind in the shop, by parameter of a path."""
    with use_tenant(tenant):
        sku, unsold = _make_sku("Mug", 1000), _make_sku("Bowl", 5)
        details = CustomerDetails(email="bob@example.com", name="Bob")
        return {
            "goods_id": unsold.goods_id,
            "sku_id": sku.pk,
            "category_id": Category.objects.create(name="Cups", slug="cups").pk,
            "customer_id": Customer.objects.create(name="Ann", email="ann@example.com").pk,
            "user_id": User.objects.create_user("kim").pk,
            "import_id": GoodsImport.objects.create(file_name="mugs.csv", size=0).pk,
            "number": place_order(details, {sku.pk: 1}, "1 Street").number,
        }


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_nothing_that_is_sent_makes_the_api_break_its_word(
    tenant: TenantInfo, there: dict[str, Any], version: str
) -> None:
    schema = schemathesis.openapi.from_wsgi(f"/api/{version}/openapi.json", Application(tenant))
    everybody = [{}, {"Cookie": _cookie_of_owner(tenant)}]
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) == sum(map(len, PATHS.values()))
    for operation in operations:
        name = operation.definition.raw["operationId"]
        excluded = [positive_data_acceptance] if name in MAY_REFUSE_WHAT_FITS else []
        # Of something that is there, and as if its state were known: so that it is really done.
        keys = {name: there[name] for name in re.findall(r"{(\w+)}", operation.path)}
        known = {"If-Match": "*"} if any(one.name == "If-Match" for one in operation.headers) else None
        fitting = operation.as_strategy(GenerationMode.POSITIVE, path_parameters=keys or None, headers=known)
        _throw(fitting, everybody, excluded)
        with suppress(Unsatisfiable):  # what takes nothing can be sent nothing wrong
            _throw(operation.as_strategy(GenerationMode.NEGATIVE), everybody, excluded)


def _throw(cases: Any, everybody: list[dict[str, str]], excluded: list[Any]) -> None:
    @given(case=cases)
    @FEW_AND_THE_SAME
    def one(case: schemathesis.Case) -> None:
        for headers in everybody:
            with transaction.atomic():
                case.call_and_validate(headers=headers, excluded_checks=excluded)
                transaction.set_rollback(True)

    one()


def _cookie_of_owner(tenant: TenantInfo) -> str:
    client = Client(HTTP_HOST=tenant.host)
    with use_tenant(tenant):
        client.force_login(User.objects.filter(is_superuser=True).first() or User.objects.create_superuser("owner"))
    return f"{django_settings.SESSION_COOKIE_NAME}={client.cookies[django_settings.SESSION_COOKIE_NAME].value}"
