"""Renaming, domains, suspension: changes of rows only, noticed by every process, and in the audit log."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from tenants import PLATFORM, TenantInfo, use_tenant
from tenants.errors import DomainTaken, InvalidHost, InvalidName, InvalidOption, TenantExists
from tenants.http.maintenance_bypass import bypass_link
from tenants.lifecycle import (
    TenantSpec,
    add_domain,
    clone_tenant,
    create_tenant,
    delete_tenant,
    purge_tenant,
    remove_domain,
    rename_tenant,
    resume_tenant,
    set_primary_domain,
    suspend_tenant,
)
from tenants.lifecycle.audit import acting_as
from tenants.lifecycle.owner import setup_link
from tenants.migrator.graph import chosen_targets
from tenants.migrator.runner import Run, RunOptions
from tenants.models import AuditEvent
from tenants.registry.lookup import registry

OpenShop = Callable[..., TenantInfo]


def get(host: str, path: str = "/api/v1/goods") -> int:
    return Client(HTTP_HOST=host).get(path).status_code


def test_a_renamed_shop_answers_at_its_new_address_alone(open_shop: OpenShop) -> None:
    shop, other = open_shop(), open_shop()
    assert get(shop.host) == 200
    renamed = rename_tenant(shop.slug, f"{shop.slug}-new")
    assert (renamed.schema, renamed.role) == (shop.schema, shop.role)
    assert (get(shop.host), get(renamed.host)) == (404, 200)
    with pytest.raises(TenantExists):
        rename_tenant(renamed.slug, other.slug)
    with pytest.raises(InvalidName):
        rename_tenant(renamed.slug, "admin")


def test_domains_come_and_go_and_one_is_primary(open_shop: OpenShop) -> None:
    shop, other = open_shop(), open_shop()
    add_domain(shop.slug, "Shop-One.example.", primary=True)
    add_domain(shop.slug, "alias.example")
    assert get("shop-one.example") == 200
    assert (get("alias.example"), get(shop.host)) == (308, 308)
    with pytest.raises(DomainTaken):
        add_domain(other.slug, "alias.example")
    with pytest.raises(InvalidHost):
        add_domain(other.slug, "other.localhost")
    with pytest.raises(InvalidHost):
        remove_domain(other.slug, "alias.example")
    set_primary_domain(shop.slug, "alias.example")
    assert (get("alias.example"), get("shop-one.example")) == (200, 308)
    remove_domain(shop.slug, "alias.example")
    assert (get("alias.example"), get(shop.host)) == (404, 200)


def test_a_suspended_shop_shows_its_notice_and_lets_in_who_has_the_link(open_shop: OpenShop) -> None:
    shop, other = open_shop(), open_shop()
    suspended = suspend_tenant(shop.slug, "Back on <Monday>")
    suspend_tenant(other.slug)
    stranger = Client(HTTP_HOST=shop.host)
    page = stranger.get("/")
    assert (page.status_code, page["Retry-After"]) == (503, "300")
    assert "Back on &lt;Monday&gt;" in page.content.decode()
    assert stranger.get("/?bypass=").status_code == 503
    assert stranger.get("/?bypass=wrong").status_code == 503
    link = bypass_link(suspended)
    staff = Client(HTTP_HOST=shop.host)
    let_in = staff.get(link[link.index("/?") :] + "&q=mug")
    assert (let_in.status_code, let_in["Location"]) == (302, "/?q=mug")
    assert staff.get("/api/v1/goods").status_code == 200
    elsewhere = Client(HTTP_HOST=other.host)
    elsewhere.cookies["sangga_bypass"] = staff.cookies["sangga_bypass"].value
    assert elsewhere.get("/").status_code == 503
    resume_tenant(shop.slug)
    suspend_tenant(shop.slug)
    assert staff.get("/").status_code == 503


def test_a_shop_that_is_behind_can_be_refused_until_it_is_migrated(open_shop: OpenShop, settings: Any) -> None:
    shop = open_shop()
    back = RunOptions(targets=tuple(chosen_targets("ledger", "0002")))
    assert [outcome.error for outcome in Run([shop], back)] == [""]
    assert get(shop.host) == 200
    settings.TENANTS = {**settings.TENANTS, "WHEN_BEHIND": "refuse"}
    page = Client(HTTP_HOST=shop.host).get("/")
    assert (page.status_code, page["Retry-After"]) == (503, "30")
    assert [outcome.error for outcome in Run([shop], RunOptions())] == [""]
    registry.clear()
    assert get(shop.host) == 200


def test_who_did_what_is_written_down_in_the_same_transaction(live_tenant: TenantInfo) -> None:
    with acting_as("operator kim"):
        suspend_tenant(live_tenant.slug, "Back on Monday")
        resume_tenant(live_tenant.slug)
        with pytest.raises(InvalidName):
            rename_tenant(live_tenant.slug, "-")
    with use_tenant(PLATFORM):
        events = AuditEvent.objects.filter(tenant_id=live_tenant.id, actor="operator kim").order_by("id")
        assert [(event.action, event.detail) for event in events] == [
            ("suspend", {"notice": "Back on Monday"}),
            ("resume", {}),
        ]


@pytest.mark.parametrize(
    ("fact", "value"), [("time_zone", "Mars/Olympus"), ("currency", "won"), ("language", "tlh"), ("time_zone", "../x")]
)
def test_facts_that_cannot_be_are_refused(committed: None, fact: str, value: str) -> None:
    with pytest.raises(InvalidOption, match=value.replace(".", r"\.")):
        create_tenant(TenantSpec(slug="never", **{fact: value}))


def test_a_set_up_link_is_worth_nothing_in_a_clone(open_shop: OpenShop) -> None:
    shop = open_shop(owner_email="owner@shop.example")
    link = setup_link(shop, "owner@shop.example")
    clone = clone_tenant(shop.slug, f"{shop.slug}-copy")
    try:
        path = link[link.index("/account/") :]
        assert "set-password" in Client(HTTP_HOST=shop.host).get(path)["Location"]
        refused = Client(HTTP_HOST=clone.host).get(path)
        assert refused.status_code == 200
        assert 'name="new_password1"' not in refused.content.decode()
    finally:
        delete_tenant(clone.slug)
        purge_tenant(clone.slug)
