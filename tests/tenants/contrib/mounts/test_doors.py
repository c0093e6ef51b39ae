"""Who may use a mounted application, its SCRIPT_NAME, and what other visitors get."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from shop.goods.models import Sku
from tenants import TenantInfo, use_tenant
from tenants.lifecycle import suspend_tenant
from tests.tenants.contrib.mounts import applications
from tests.tenants.contrib.mounts.conftest import Mounting, at, json_of, text_of


def test_an_application_sees_its_place_as_the_standard_says(acme: TenantInfo, mount: Mounting) -> None:
    mount(acme, "flask_app")
    seen = json_of(at(acme).get("/backend/where?a=1"))
    assert (seen["script_name"], seen["path_info"]) == ("/backend", "/where")
    assert seen["url"] == "http://acme.localhost/backend/where?a=1"
    assert (seen["owner"], seen["query"], seen["user"]) == ("owner@acme.example", {"a": "1"}, None)


def test_a_mount_without_its_slash_is_the_applications_own(acme: TenantInfo, mount: Mounting) -> None:
    mount(acme, "flask_app")
    assert at(acme).get("/backend").headers["Location"].endswith("/backend/")
    assert text_of(at(acme).get("/backend/")) == "front"
    assert at(acme).get("/backendx/").status_code == 404


def test_a_tenant_under_a_path_has_its_mounts_there_too(acme: TenantInfo, mount: Mounting) -> None:
    mount(acme, "flask_app")
    client = Client(HTTP_HOST="localhost")
    client.cookies.load({"t_1.own": "x", "sessionid": "the platform's", "t_2.neighbour": "y"})
    seen = json_of(client.get("/t/acme/backend/where"))
    assert (seen["script_name"], seen["path_info"]) == ("/t/acme/backend", "/where")
    assert seen["cookies"] == ["own"]


def test_a_cookie_of_an_application_comes_back_to_it(acme: TenantInfo, globex: TenantInfo, mount: Mounting) -> None:
    mount(acme, "flask_app")
    mount(globex, "flask_app")
    client = at(acme)
    assert [text_of(client.get("/backend/visits")) for _ in range(2)] == ["1", "2"]
    client.defaults["HTTP_HOST"] = globex.host  # a browser would not even send it
    assert text_of(client.get("/backend/visits")) == "1"


def test_a_body_reaches_the_application(acme: TenantInfo, mount: Mounting) -> None:
    mount(acme, "flask_app")
    assert (
        text_of(at(acme).post("/backend/size", b"x" * 3_000_000, content_type="application/octet-stream")) == "3000000"
    )


def test_headers_that_come_twice_are_both_kept(acme: TenantInfo, mount: Mounting) -> None:
    mount(acme, "closing_app")
    response = at(acme).get("/backend/")
    assert [value for name, value in response.items() if name == "Link"] == ["<a>", "<b>"]


def test_a_streamed_body_is_made_as_its_tenant(acme: TenantInfo, mount: Mounting) -> None:
    mount(acme, "streaming_app")
    body = b"".join(at(acme).get("/backend/").streaming_content)
    assert body == b"written|" + b"owner@acme.example|" * 3


def test_the_neighbour_has_nothing_there(acme: TenantInfo, globex: TenantInfo, mount: Mounting) -> None:
    mount(acme, "flask_app")
    assert at(globex).get("/backend/").status_code == 404
    assert Client(HTTP_HOST="localhost").get("/backend/").status_code == 404


def test_what_is_switched_off_is_not_there(acme: TenantInfo, mount: Mounting) -> None:
    mount(acme, "flask_app", is_on=False)
    assert at(acme).get("/backend/").status_code == 404


def test_a_suspended_tenants_application_is_closed_as_well(acme: TenantInfo, mount: Mounting) -> None:
    mount(acme, "flask_app")
    suspend_tenant("acme")
    assert at(acme).get("/backend/").status_code == 503
    assert not applications.built


def test_an_application_may_have_the_whole_host(acme: TenantInfo, globex: TenantInfo, mount: Mounting) -> None:
    mount(acme, "flask_app", "")
    mount(acme, "closing_app", "office/tools")
    assert json_of(at(acme).get("/where"))["script_name"] == ""
    assert text_of(at(acme).get("/")) == "front"
    assert at(acme).get("/office/tools/").getvalue() == b"acme"  # the longest path comes first
    assert "storefront" in text_of(at(globex).get("/"))


@pytest.mark.parametrize("path", ["", "goods-of-ours"])
def test_none_leads_on_to_the_default_application(acme: TenantInfo, mount: Mounting, path: str) -> None:
    mount(acme, "no_application", path)
    assert at(acme).get("/api/v1/goods").status_code == 200


def test_a_factory_may_say_that_there_is_nothing(acme: TenantInfo, mount: Mounting) -> None:
    mount(acme, "not_found", "nothing")
    mount(acme, "flask_app", "")
    assert at(acme).get("/nothing/where").status_code == 404
    assert at(acme).get("/where").status_code == 200


# --- For staff


def test_a_stranger_is_asked_to_sign_in(acme: TenantInfo, mount: Mounting) -> None:
    mount(acme, "flask_app", is_for_staff=True)
    assert at(acme).get("/backend/where").headers["Location"] == "/admin/login/?next=/backend/where"
    assert not applications.built


def test_staff_name_is_set_and_clients_cannot_send_it(acme: TenantInfo, mount: Mounting) -> None:
    mount(acme, "flask_app", is_for_staff=True)
    client = at(acme)
    with use_tenant(acme):
        client.force_login(User.objects.get())
    seen = json_of(client.get("/backend/where", headers={"remote-user": "root"}, REMOTE_USER="root"))
    assert seen["user"] == "owner@acme.example"


def test_who_is_no_staff_is_refused(acme: TenantInfo, mount: Mounting) -> None:
    mount(acme, "flask_app", is_for_staff=True)
    client = at(acme)
    with use_tenant(acme):
        client.force_login(User.objects.create_user("shopper"))
    assert client.get("/backend/").status_code == 403


def test_the_neighbours_owner_is_a_stranger(acme: TenantInfo, globex: TenantInfo, mount: Mounting) -> None:
    mount(acme, "flask_app", is_for_staff=True)
    client = at(globex)
    with use_tenant(globex):
        client.force_login(User.objects.get())
    client.defaults["HTTP_HOST"] = acme.host
    assert client.get("/backend/").status_code == 302


def test_public_mount_gets_no_user_name(acme: TenantInfo, mount: Mounting) -> None:
    mount(acme, "flask_app")
    assert json_of(at(acme).get("/backend/where", REMOTE_USER="root"))["user"] is None


# --- The two that the shop has


@pytest.fixture
def _of_the_shop() -> None:
    applications.built.clear()


def test_the_back_office_books_goods_in(acme: TenantInfo, mount: Mounting, settings) -> None:  # type: ignore[no-untyped-def]
    settings.TENANTS = {**settings.TENANTS, "MOUNTS": {"office": "shop.mounts.backoffice.create_app"}}
    from shop.goods.models import Goods

    with use_tenant(acme):
        goods = Goods.objects.create(name="Kettle", slug="kettle")
        sku = Sku.objects.create(goods=goods, price=5, stock=1)
    mount(acme, "office", is_for_staff=True, options={"lot": 6})
    client = at(acme)
    with use_tenant(acme):
        client.force_login(User.objects.get())
    assert "Kettle" in text_of(client.get("/backend/"))
    refused = client.post("/backend/book-in", {"sku": sku.pk}, headers={"origin": "http://globex.localhost"})
    assert refused.status_code == 403
    done = client.post("/backend/book-in", {"sku": sku.pk}, headers={"origin": "http://acme.localhost"})
    assert done.headers["Location"].endswith("/backend/")
    with use_tenant(acme):
        assert Sku.objects.get(pk=sku.pk).stock == 7


def test_a_second_django_site_has_its_own_addresses(acme: TenantInfo, mount: Mounting, settings) -> None:  # type: ignore[no-untyped-def]
    settings.TENANTS = {**settings.TENANTS, "MOUNTS": {"prices": "shop.mounts.price_list.create_app"}}
    mount(acme, "prices", "prices")
    assert "Price list of" in text_of(at(acme).get("/prices/"))
    missing = at(acme).get("/prices/nowhere")
    assert (missing.status_code, "storefront" in text_of(missing)) == (404, True)  # the shop's own page
    assert at(acme).get("/api/v1/goods").status_code == 200  # and the shop's addresses are as before


def test_the_forms_of_a_second_django_site_are_checked(acme: TenantInfo, mount: Mounting, settings) -> None:  # type: ignore[no-untyped-def]
    settings.TENANTS = {**settings.TENANTS, "MOUNTS": {"forms": "tests.tenants.contrib.mounts.django_forms.create_app"}}
    mount(acme, "forms", "forms")
    browser = Client(enforce_csrf_checks=True, HTTP_HOST=acme.host)
    assert browser.post("/forms/", {"word": "x"}).status_code == 403
    token = text_of(browser.get("/forms/"))
    assert browser.post("/forms/", {"word": "x"}).status_code == 403
    sent = {"word": "x", "csrfmiddlewaretoken": token}
    assert text_of(browser.post("/forms/", sent)) == "got x"
    stranger = browser.post("/forms/", sent, headers={"origin": "http://globex.localhost"})
    assert stranger.status_code == 403
    assert text_of(browser.post("/forms/exempt")) == "exempt"
