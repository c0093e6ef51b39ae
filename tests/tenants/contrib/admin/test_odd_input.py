"""Invalid values in addresses and forms of both admins: a status below 500, with security headers."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tenants import PLATFORM, TenantInfo, use_tenant

YEARS = ["9999", "10000", "0", "-1", "abc", "9" * 30, "9223372036854775808", "%00", "%ED%A0%80"]
AUTOCOMPLETE = "/admin/autocomplete/?app_label={}&model_name={}&field_name={}&{}"
ASKED = ["term=%00", "page=abc", "page=0", "page=99999999999999999999", "term=a&page=-1", "term=%ED%A0%80"]
SHOP = [
    *(f"/admin/orders/order/?placed_at__year={year}&placed_at__month=12&placed_at__day=31" for year in YEARS),
    *(f"/admin/orders/order/?placed_at__year={year}" for year in YEARS),
    *(f"/admin/orders/order/?placed_at__range__gte={year}-12-31" for year in YEARS),
    *(f"/admin/orders/order/?placed_at_from={year}-12-31&placed_at_to={year}" for year in YEARS),
    *(f"/admin/oauth/apikey/?revoked__year={year}" for year in YEARS),
    *(f"/admin/auth/user/?{name}={year}" for name in ("p", "q", "o", "e", "id", "groups__id__exact") for year in YEARS),
    *(f"/admin/goods/sku/?goods__id__exact={year}" for year in YEARS),
    *(f"/admin/goods/goods/{year}/{page}/" for page in ("change", "history", "delete") for year in YEARS),
    *(AUTOCOMPLETE.format("auth", "user", "groups", asked) for asked in ASKED),
    *(AUTOCOMPLETE.format("goods", "sku", "goods", asked) for asked in ASKED),
    *(AUTOCOMPLETE.format("%00", "%00", "%00", asked) for asked in ASKED),
    "/admin/?page=abc", "/admin/goods/goods/?page=abc", "/admin/login/?page=abc", "/admin/r/%00/%00/",
    "/admin/goods/goods/?" + "&".join(f"a{number}=1" for number in range(1_001)),
    "/admin/goods/goods/add/?name=%00&category=%00", "/admin/auth/user/add/?date_joined=9999-99-99",
]  # fmt: skip
PLATFORM_PATHS = [
    *(f"/admin/tenants/tenant/?{name}={year}" for name in ("p", "q", "status__exact", "id") for year in YEARS),
    *(f"/admin/tenants/tenant/{year}/change/" for year in YEARS),
    *(f"/admin/tenants/auditentry/?at__year={year}" for year in YEARS),
    *(f"/admin/tenants/operation/?p={year}" for year in YEARS),
    *(AUTOCOMPLETE.format("tenants", "domain", "tenant", asked) for asked in ASKED),
]
CHOSEN = [{"action": "delete_selected", "_selected_action": key} for key in ("abc", "\0", "9" * 30, "")]


@pytest.fixture(params=["shop", "platform"])
def staff(request: pytest.FixtureRequest, acme: TenantInfo) -> tuple[Client, list[str]]:
    tenant, host, paths = (
        (acme, acme.host, SHOP) if request.param == "shop" else (PLATFORM, "localhost", PLATFORM_PATHS)
    )
    client = Client(HTTP_HOST=host, raise_request_exception=False)
    with use_tenant(tenant):
        boss = User.objects.create_superuser("boss")
        client.force_login(boss, backend="django.contrib.auth.backends.ModelBackend")
    assert client.get("/admin/").status_code == 200
    return client, paths


def wrong_with(response: Any) -> bool:
    return response.status_code >= 500 or "Content-Security-Policy" not in response.headers


def test_odd_addresses_of_an_admin_are_no_errors(staff: tuple[Client, list[str]], settings: Any) -> None:
    """`?page=abc`, `%00` and the year 9999 in filters and autocomplete."""
    settings.TENANTS = {**settings.TENANTS, "PLANS": {}, "PLATFORM_LIMITS": {}}
    client, paths = staff
    assert [path for path in paths if wrong_with(client.get(path))] == []
    assert client.get("/admin/").status_code == 200


@pytest.mark.parametrize("staff", ["shop"], indirect=True)
@pytest.mark.parametrize("number", ["9", "2147483648", "-1", "abc"])
def test_rows_that_a_form_has_not_are_no_errors(staff: tuple[Client, list[str]], number: str) -> None:
    client, _paths = staff
    form = {"email": "", "orders-TOTAL_FORMS": number, "orders-INITIAL_FORMS": "0"}
    assert not wrong_with(client.post("/admin/customers/customer/add/", form))


def test_odd_choices_of_an_action_are_no_errors(staff: tuple[Client, list[str]]) -> None:
    client, _paths = staff
    platform_only = {
        "/admin/tenants/domain/add/": {"tenant": "abc"},
        "/admin/tenants_services/service/add/": {"tenants": "abc"},
    }
    for path, form in platform_only.items():
        assert not wrong_with(client.post(path, form))
    answers = [client.post("/admin/auth/user/", chosen) for chosen in CHOSEN]
    assert [chosen for chosen, answer in zip(CHOSEN, answers, strict=True) if wrong_with(answer)] == []
