"""The operator's page with the progress of an operation, in a browser, during the operation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Page, expect

from tenants import PLATFORM, TenantInfo, use_tenant
from tenants.models import Operation
from tests.browser.conftest import DESK, PHONE

OpenPage = Callable[..., AbstractContextManager[Page]]


@pytest.fixture
def operator(committed: None) -> Iterator[Client]:
    """A session of an operator whom the server knows."""
    with use_tenant(PLATFORM):
        user = User.objects.create_superuser("day-shift", "day@sangga.example", "correct horse")
        client = Client(HTTP_HOST="localhost")
        client.force_login(user)
    yield client
    with use_tenant(PLATFORM):
        client.logout()
        user.delete()


@pytest.fixture
def operation(committed: None) -> Iterator[Operation]:
    with use_tenant(PLATFORM):
        row = Operation.objects.create(kind="migrate", asked_by="code", state="running", started_at=timezone.now())
    yield row
    with use_tenant(PLATFORM):
        row.delete()


def now(operation: Operation, **facts: Any) -> None:
    """Let the work be so far; from a thread, as Playwright's event loop is in this one."""

    def write() -> None:
        with use_tenant(PLATFORM):
            Operation.objects.filter(pk=operation.pk).update(**facts)
        connection.close()

    thread = Thread(target=write)
    thread.start()
    thread.join()


@pytest.mark.parametrize("screen", [PHONE, DESK], ids=["phone", "desk"])
def test_the_page_follows_the_work_to_its_end_by_itself(
    browser: OpenPage,
    address_of: Callable[[TenantInfo], str],
    operator: Client,
    operation: Operation,
    screen: dict[str, Any],
) -> None:
    address = address_of(replace(PLATFORM, host="localhost"))
    cookie = {"name": "sessionid", "value": operator.cookies["sessionid"].value, "url": address}
    failures = [{"slug": "hooli", "tenant": 1, "error": "OSError: <b>no</b> space"}]
    with browser(**screen) as page:
        page.context.add_cookies([cookie])
        page.goto(f"{address}/admin/tenants/operation/{operation.pk}/change/")
        expect(page.get_by_role("status")).to_have_text("Running")
        now(operation, done=30, total=60, report={"migrated": 29, "failed": 1, "locked": 0, "failures": failures})
        expect(page.get_by_role("strong")).to_have_text("30 of 60")
        expect(page.get_by_text("OSError: <b>no</b> space")).to_be_visible()
        assert page.get_by_role("progressbar").get_attribute("value") == "30"
        now(operation, done=60, state="failed", error="1 tenants could not be migrated", finished_at=timezone.now())
        expect(page.get_by_text("1 tenants could not be migrated")).to_be_visible()
        expect(page.get_by_role("status")).to_have_text("Failed")
        assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]
        assert urlsplit(page.url).path.endswith(f"/{operation.pk}/change/")
