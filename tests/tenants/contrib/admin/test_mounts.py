"""Mounted applications on a tenant's page."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from tenants import PLATFORM, TenantInfo, use_tenant
from tenants.contrib.mounts.models import Mount
from tenants.models import AuditEvent
from tenants.registry.lookup import registry, tenant_by_slug
from tests.tenants.contrib.admin.test_tenant_page import errors_of, form_of, page_of


def mounting(tenant: TenantInfo, **row: Any) -> dict[str, Any]:
    values = {"tenant": tenant.id, "path": "prices", "app": "prices", "is_on": "on", "options": "{}", **row}
    form = {f"mounts-0-{key}": value for key, value in values.items() if value is not None}
    return form_of(tenant, **{"mounts-TOTAL_FORMS": 1, "mounts-INITIAL_FORMS": 0, **form})


def test_an_application_is_switched_on_and_that_is_written_down(browser: Client, acme: TenantInfo) -> None:
    assert browser.post(page_of(acme), mounting(acme)).status_code == 302
    registry.clear()
    assert [(point.app, point.path) for point in tenant_by_slug("acme").mounts] == [("prices", "prices")]
    with use_tenant(PLATFORM):
        event = AuditEvent.objects.filter(action="change mounts").get()
    assert (event.actor, event.slug, event.detail) == ("operator mia", "acme", {"now": ["/prices"]})
    assert Client(HTTP_HOST=acme.host).get("/prices/").status_code == 200


def test_mount_is_staff_only_by_default() -> None:
    assert Mount().is_for_staff


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"path": "/prices/"}, "Use lowercase letters"),
        ({"path": "a//b"}, "Use lowercase letters"),
        ({"path": "../etc"}, "Use lowercase letters"),
        ({"path": "", "is_for_staff": "on"}, "would hide the login page"),
        ({"app": "nonesuch"}, "nonesuch"),
        ({"options": "[]"}, "Enter a JSON object"),
        ({"options": "{"}, "JSON"),
        ({"options": '{"colour": "red"}'}, "Invalid options"),
    ],
)
def test_what_would_not_work_is_refused(browser: Client, acme: TenantInfo, row: dict[str, str], said: str) -> None:
    response = browser.post(page_of(acme), mounting(acme, **row))
    assert said in errors_of(response) + response.text
    assert not Mount.objects.exists()


def test_two_at_one_path_are_refused(browser: Client, acme: TenantInfo, globex: TenantInfo) -> None:
    Mount.objects.create(tenant_id=acme.id, app="prices", path="prices")
    Mount.objects.create(tenant_id=globex.id, app="prices", path="prices")
    with pytest.raises(Exception, match="one_mount_at_a_path"):
        Mount.objects.create(tenant_id=acme.id, app="prices", path="prices")
