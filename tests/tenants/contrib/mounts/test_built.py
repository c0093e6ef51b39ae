"""When applications are built, cached, rebuilt and closed."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connection, connections
from django.test import Client

from tenants import PLATFORM, TenantInfo, use_tenant
from tenants.contrib.mounts.app_cache import app_cache
from tenants.contrib.mounts.models import Mount
from tenants.lifecycle import rename_tenant
from tenants.registry.lookup import registry
from tests.tenants.contrib.mounts import applications
from tests.tenants.contrib.mounts.conftest import Mounting, at, json_of, text_of
from tests.waiting import eventually

SHOPS = 50
REQUESTS = 1_000
AT_ONCE = 100


def test_nothing_is_built_before_it_is_asked_for(acme: TenantInfo, mount: Mounting) -> None:
    mount(acme, "flask_app")
    assert at(acme).get("/").status_code == 200
    assert not applications.built
    for _ in range(3):
        at(acme).get("/backend/")
    assert applications.built == {"acme": 1}


def test_application_is_rebuilt_when_the_tenant_changes(acme: TenantInfo, mount: Mounting) -> None:
    mount(acme, "flask_app")
    assert json_of(at(acme).get("/backend/where"))["greeting"] == "hello"
    with use_tenant(PLATFORM):
        Mount.objects.update(options={"greeting": "good evening"})
    registry.invalidate(acme.id)
    assert json_of(at(acme).get("/backend/where"))["greeting"] == "good evening"
    renamed = rename_tenant("acme", "acme-two")
    registry.invalidate(acme.id)
    assert at(renamed).get("/backend/where").status_code == 200
    assert applications.built == {"acme": 2, "acme-two": 1}


def test_it_is_closed_when_its_tenant_changes_or_goes(acme: TenantInfo, mount: Mounting) -> None:
    mount(acme, "closing_app")
    at(acme).get("/backend/").getvalue()
    registry.invalidate(acme.id)
    assert eventually(lambda: applications.closed == {"acme": 1})


def test_application_is_not_closed_while_a_response_is_read(acme: TenantInfo, mount: Mounting) -> None:
    mount(acme, "closing_app")
    response = at(acme).get("/backend/")
    app_cache.retire(acme.id)
    assert not applications.closed
    assert response.getvalue() == b"acme"
    assert eventually(lambda: applications.closed == {"acme": 1})


def test_no_more_are_kept_than_the_setting_says(
    acme: TenantInfo, globex: TenantInfo, initech: TenantInfo, mount: Mounting, settings
) -> None:  # type: ignore[no-untyped-def]
    settings.TENANTS = {**settings.TENANTS, "MOUNTS_KEPT": 2}
    for tenant in (acme, globex, initech):
        mount(tenant, "closing_app")
        at(tenant).get("/backend/").getvalue()
    assert len(app_cache) == 2
    assert eventually(lambda: applications.closed == {"acme": 1})  # the least recently used one


@pytest.mark.parametrize("app", ["broken_factory", "not_callable", "lost", "stillborn_asgi_app", "unheard-of"])
def test_what_cannot_be_built_is_503_for_its_tenant_alone(
    acme: TenantInfo, globex: TenantInfo, mount: Mounting, app: str
) -> None:
    mount(acme, app)
    mount(globex, "flask_app")
    response = at(acme).get("/backend/")
    assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
    assert "Traceback" not in text_of(response)
    assert at(acme).get("/").status_code == 200
    assert text_of(at(globex).get("/backend/")) == "front"


def test_a_failure_is_not_tried_again_at_once(acme: TenantInfo, mount: Mounting) -> None:
    mount(acme, "broken_factory")
    assert {at(acme).get("/backend/").status_code for _ in range(5)} == {503}
    assert applications.built == {"acme": 1}


@pytest.mark.parametrize("app", ["failing_app", "silent_app"])
def test_an_application_that_fails_is_an_error_of_its_tenant(acme: TenantInfo, mount: Mounting, app: str) -> None:
    mount(acme, app)
    client = at(acme)
    client.raise_request_exception = False
    assert client.get("/backend/").status_code == 500
    assert client.get("/").status_code == 200


@pytest.fixture
def _patient_pool(committed: None) -> None:
    """A thousand requests share forty connections; on a busy machine the last one waits long for its turn."""
    connection.close_pool()
    pool = connections.settings["default"]["OPTIONS"]["pool"]
    impatient = dict(pool)
    pool["timeout"] = 240
    yield
    connection.close_pool()
    pool.update(impatient)


@pytest.mark.timeout(900)
@pytest.mark.usefixtures("_patient_pool")
def test_a_thousand_first_requests_of_fifty_tenants_build_fifty(
    open_shop: Callable[..., TenantInfo], settings: Any
) -> None:
    """A Flask application without code for Sangga finds its own tenant's rows under concurrent requests."""
    settings.TENANTS = {
        **settings.TENANTS, "PLANS": {}, "ADDRESS_CONCURRENCY": 0, "MOUNTS_SECONDS": 180,
    }  # fmt: skip  # all are to be answered, on a slow machine as well
    shops = [open_shop(f"mounted-{n}", owner_email=f"owner@mounted-{n}.example") for n in range(SHOPS)]
    with use_tenant(PLATFORM):
        Mount.objects.bulk_create(
            Mount(tenant_id=shop.id, app="flask_app", path="backend", is_for_staff=False) for shop in shops
        )
    registry.clear()
    start = Barrier(AT_ONCE)

    def ask(number: int) -> tuple[str, str, str]:
        if number < AT_ONCE:
            start.wait(120)
        shop = shops[number % SHOPS]
        try:
            seen = json_of(Client(HTTP_HOST=shop.host).get("/backend/where"))
        finally:
            connection.close()
        return shop.slug, seen["script_name"], seen["owner"]

    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(ask, range(REQUESTS)))
    assert set(answers) == {(shop.slug, "/backend", f"owner@{shop.slug}.example") for shop in shops}
    assert dict(applications.built) == {shop.slug: 1 for shop in shops}
