"""Owners of new tenants: their fields, addresses that a manager writes otherwise, and their links."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User

from tenants import TenantInfo, use_tenant
from tenants.errors import ConfigurationError, InvalidOption
from tenants.lifecycle import TenantSpec, create_tenant
from tenants.lifecycle.owner import create_with_link, setup_link
from tenants.registry.lookup import tenant_by_slug
from tests.typed import Manage


@pytest.mark.django_db
def test_owner_fields_are_written_and_converted() -> None:
    fields = {"first_name": "Jo", "date_joined": "2020-02-03T00:00:00Z"}
    tenant = create_tenant(TenantSpec(slug="owned", owner_email="jo@owned.example", owner_fields=fields))
    with use_tenant(tenant):
        owner = User.objects.get()
    assert (owner.first_name, owner.date_joined.year, owner.is_superuser) == ("Jo", 2020, True)


@pytest.mark.django_db
def test_username_may_differ_from_the_address() -> None:
    tenant = create_tenant(
        TenantSpec(
            slug="owned", owner_email="jo@owned.example", owner_fields={"username": "jo"}, owner_password="x y z"
        )
    )
    with use_tenant(tenant):
        assert User.objects.get(username="jo").email == "jo@owned.example"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"nickname": "Jo"}, "names of fields of auth.User"),
        ({"date_joined": "yesterday"}, "invalid format"),
        ({"first_name": "x" * 151}, "at most 150 characters"),
    ],
    ids=["unknown", "invalid", "long"],
)
def test_owner_fields_that_cannot_be_are_refused(fields: dict[str, Any], reason: str) -> None:
    with pytest.raises(InvalidOption, match=reason):
        create_tenant(TenantSpec(slug="owned", owner_email="jo@owned.example", owner_fields=fields))


@pytest.mark.django_db
def test_address_that_the_manager_normalises_is_found() -> None:
    tenant, link = create_with_link(TenantSpec(slug="owned", owner_email="Jo@OWNED.Example"))
    assert link.startswith("http://owned.localhost")
    assert setup_link(tenant, "jo@owned.example").startswith("http://owned.localhost")
    with pytest.raises(User.DoesNotExist, match="no user 'kim@owned.example'"):
        setup_link(tenant, "kim@owned.example")


@pytest.mark.django_db
def test_address_longer_than_a_username_is_refused_with_the_field() -> None:
    address = f"{'x' * 64}@{'y' * 60}.{'z' * 60}.example"
    with pytest.raises(ConfigurationError, match=r"auth\.User\.username cannot be .* --owner-field username="):
        create_tenant(TenantSpec(slug="owned", owner_email=address))


def test_owner_field_of_the_command_needs_an_equals_sign(manage: Manage) -> None:
    ended = manage("create_tenant", "owned", "--owner-email", "jo@owned.example", "--owner-field", "first_name")
    assert (ended.code, len(ended.lines)) == (1, 1)
    assert "NAME=VALUE" in ended.err


def test_owner_field_of_the_command_is_written(
    manage: Manage, monkeypatch: pytest.MonkeyPatch, drop_tenant: Callable[[TenantInfo], None]
) -> None:
    monkeypatch.setenv("SANGGA_OWNER_PASSWORD", "correct horse battery")
    ended = manage(
        "create_tenant", "owned", "--owner-email", "jo@owned.example", "--owner-field", "first_name=Jo = Kim"
    )
    assert ended.code == 0, ended.err
    tenant = tenant_by_slug("owned")
    with use_tenant(tenant):
        assert User.objects.get().first_name == "Jo = Kim"
    drop_tenant(tenant)
