"""The form that creates a tenant."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client

from tenants.context import PLATFORM, TenantInfo, use_tenant
from tenants.models import Domain, Tenant
from tenants.postgresql.tenant_schemas import existing_schemas
from tenants.registry.tenant_info import all_tenants

ADD = "/admin/tenants/tenant/add/"


def filled(**values: str) -> dict[str, str]:
    return {
        "name": "Hooli",
        "slug": "hooli",
        "domain": "",
        "language": "ko",
        "currency": "EUR",
        "time_zone": "Europe/Berlin",
        "variant": "default",
        "owner_email": "gavin@hooli.example",
        "owner_password": "",
        **values,
    }


def errors_of(response: Any) -> dict[str, list[str]]:
    assert response.status_code == 200
    return {field: list(errors) for field, errors in response.context["adminform"].form.errors.items()}


def said(response: Any) -> str:
    return " ".join(str(message) for message in get_messages(response.wsgi_request))


def test_one_form_opens_a_shop_with_its_owner_and_domain(browser: Client) -> None:
    answer = browser.post(ADD, filled(domain="Hooli.XYZ.", owner_password="correct horse battery"))
    (hooli,) = all_tenants(slug="hooli")
    assert answer["Location"] == f"/admin/tenants/tenant/{hooli.id}/change/"
    assert (hooli.name, hooli.language, hooli.currency, hooli.time_zone) == ("Hooli", "ko", "EUR", "Europe/Berlin")
    assert hooli.host == "hooli.xyz"
    with use_tenant(hooli):
        owner = get_user_model().objects.get()
        assert owner.email == "gavin@hooli.example"
        assert owner.is_superuser
        assert owner.check_password("correct horse battery")


def test_an_owner_without_a_password_gets_a_link_that_is_shown_once(browser: Client) -> None:
    answer = browser.post(ADD, filled(), follow=True)
    page = answer.content.decode()
    link = re.search(r"http://hooli\.localhost:8000/account/set-password/[^<\s]+/", page)
    assert link is not None
    again = browser.get(answer.request["PATH_INFO"]).content.decode()
    assert "set-password" not in again


def test_an_owner_with_a_password_needs_no_link(browser: Client) -> None:
    page = browser.post(ADD, filled(owner_password="correct horse battery"), follow=True).content.decode()
    assert "hooli.localhost" in page
    assert "set-password" not in page
    assert "correct horse battery" not in page


def test_opening_is_written_into_the_log(browser: Client) -> None:
    browser.post(ADD, filled())
    tenant = Tenant.objects.get(slug="hooli")
    assert "Added." in browser.get(f"/admin/tenants/tenant/{tenant.pk}/history/").content.decode()


@pytest.mark.parametrize("slug", ["www", "Hooli", "a_b", "-x", "상가", "x" * 64, "xn--abc", "a.b", ""])
def test_a_slug_that_cannot_name_a_shop_is_an_error_of_the_slug(browser: Client, slug: str) -> None:
    assert list(errors_of(browser.post(ADD, filled(slug=slug)))) == ["slug"]


def test_a_slug_that_is_taken_is_an_error_of_the_slug(browser: Client, acme: TenantInfo) -> None:
    errors = errors_of(browser.post(ADD, filled(slug="acme")))
    assert errors == {"slug": ["A tenant with this slug already exists. Choose another."]}


@pytest.mark.parametrize("domain", ["no host!", "shop.localhost", "localhost", "127.0.0.1", "a" * 254, "-a.example"])
def test_a_domain_that_cannot_be_the_shops_is_an_error_of_the_domain(browser: Client, domain: str) -> None:
    assert list(errors_of(browser.post(ADD, filled(domain=domain)))) == ["domain"]


def test_a_domain_that_is_taken_is_an_error_of_the_domain(browser: Client, acme: TenantInfo) -> None:
    Domain.objects.create(tenant_id=acme.id, host="taken.example")
    assert list(errors_of(browser.post(ADD, filled(domain="TAKEN.example:80")))) == ["domain"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("owner_email", "gavin"),
        ("owner_email", ""),
        ("owner_password", "123"),
        ("owner_password", "gavin@hooli.example"),
        ("currency", "EURO"),
        ("language", "tlh"),
        ("time_zone", "Mars/Base"),
        ("name", ""),
    ],
)
def test_every_other_mistake_is_an_error_of_its_field(browser: Client, field: str, value: str) -> None:
    assert list(errors_of(browser.post(ADD, filled(**{field: value})))) == [field]
    assert not Tenant.objects.filter(slug="hooli").exists()


def test_nothing_typed_is_lost_after_an_error(browser: Client) -> None:
    typed = filled(slug="www", name="Hooli & Söhne", domain="hooli.xyz", owner_password="correct horse battery")
    form = browser.post(ADD, typed).context["adminform"].form
    for field, value in typed.items():
        assert form[field].value() == value
    assert 'value="correct horse battery"' in str(form["owner_password"])


def test_slug_taken_concurrently_is_an_error_and_breaks_no_transaction(
    browser: Client, acme: TenantInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tenants.contrib.admin.forms import NewTenantForm

    # The form checks just before another operator takes the slug.
    monkeypatch.setattr(NewTenantForm, "clean_slug", lambda form: form.cleaned_data["slug"])
    assert list(errors_of(browser.post(ADD, filled(slug="acme")))) == ["slug"]
    assert Tenant.objects.filter(slug="acme").count() == 1


def test_existing_schema_is_not_adopted_and_nothing_is_created(browser: Client, sql_row: Any) -> None:
    (next_id,) = sql_row("SELECT nextval('tenants_tenant_id_seq') + 1")
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE SCHEMA t_{next_id}")
    errors = errors_of(browser.post(ADD, filled(domain="hooli.xyz")))
    assert list(errors) == ["__all__"]
    assert f"t_{next_id}" in errors["__all__"][0]
    assert not Tenant.objects.filter(slug="hooli").exists()
    assert not Domain.objects.filter(host="hooli.xyz").exists()
    assert existing_schemas([f"t_{next_id}"])


def test_saving_as_new_from_a_tenants_page_makes_no_row_without_a_schema(browser: Client, acme: TenantInfo) -> None:
    before = Tenant.objects.count()
    answer = browser.post(
        f"/admin/tenants/tenant/{acme.id}/change/",
        {"_saveasnew": "1", "name": "Acme", "language": "en", "currency": "USD", "time_zone": "UTC"},
    )
    assert "slug" in errors_of(answer)
    assert Tenant.objects.count() == before


def test_the_new_shop_answers_at_once(browser: Client) -> None:
    browser.post(ADD, filled())
    with use_tenant(PLATFORM):
        assert Client(HTTP_HOST="hooli.localhost").get("/").status_code == 200
