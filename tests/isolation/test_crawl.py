"""Every URL of both URLconfs, as every kind of visitor: no error, and each sees exactly what the tables in
docs/security.md say. A new URL is found automatically; the tables have to cover it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test import Client, override_settings

from tenants import PLATFORM, TenantInfo, use_tenant
from tenants.isolation.urlconfs import urlconf_of
from tests.isolation import cast
from tests.isolation.routes import Route, routes_of

SECURITY = Path(__file__).resolve().parents[2] / "docs" / "security.md"
AT_SHOP = ("anonymous", "shopper", "clerk", "manager", "owner", "owner of another shop", "operator")
AT_PLATFORM = ("anonymous", "owner of a shop", "operator with view permission", "operator")
WRITING = ("post", "put", "patch", "delete")


@pytest.fixture(autouse=True)
def _without_limits() -> Iterator[None]:
    """A crawl is a crowd of one: it would be refused."""
    with override_settings(TENANTS={**settings.TENANTS, "PLANS": {}, "PLATFORM_LIMITS": {}, "ADDRESS_CONCURRENCY": 0}):
        yield


@dataclass(frozen=True)
class Row:
    """A row of a table: addresses that begin like `text`, where `*` is one part, and who sees them."""

    text: str
    seen_by: frozenset[str]

    def covers(self, path: str) -> bool:
        pattern = re.escape(self.text).replace(r"\*", "[^/]+")
        return re.match(pattern, path) is not None


def table(heading: str, visitors: tuple[str, ...]) -> list[Row]:
    """Return the rows of the table below a heading, the most particular first."""
    section = SECURITY.read_text().split(f"### {heading}\n")[1].split("\n#")[0]
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line[:1] == "|"]
    head, _, *body = lines
    assert tuple(head[1:]) == visitors
    rows = []
    for address, *cells in body:
        assert set(cells) <= {"yes", "–"}, address
        seen_by = {who for who, cell in zip(visitors, cells, strict=True) if cell == "yes"}
        rows.append(Row(address.strip("`"), frozenset(seen_by)))
    return sorted(rows, key=lambda row: -len(row.text))


def row_of(path: str, rows: list[Row]) -> Row:
    found = next((row for row in rows if row.covers(path)), None)
    assert found is not None, f"No table in docs/security.md says who sees {path}."
    return found


def body_of(response: Any) -> str:
    content = b"".join(response) if response.streaming else response.content
    return content.decode(errors="replace")


def crawl(
    client: Client, who: str, routes: list[Route], values: dict[Any, Any], rows: list[Row], secrets: set[str]
) -> None:
    """Ask for every address as one visitor, and compare what is seen with the table."""
    wrong, witnessed = [], set()
    for route in routes:
        path = route.path(values)
        response = client.get(path)
        body, row = body_of(response), row_of(path, rows)
        if response.status_code >= 500:
            wrong.append(f"{path}: {response.status_code}")
        if response.status_code == 200:
            witnessed.add(row)
            if who not in row.seen_by:
                wrong.append(f"{path} is seen by {who}, and `{row.text}` says not")
        wrong += [f"{path} shows {secret} to {who}" for secret in secrets if secret in body]
    claimed = {row for row in rows if who in row.seen_by and any(row.covers(route.path(values)) for route in routes)}
    wrong += [f"`{row.text}` says that {who} sees it, and nothing there is seen" for row in claimed - witnessed]
    assert wrong == []


def secrets_from(who: str) -> set[str]:
    """Return words of the shop's rows that a visitor must never see."""
    of_staff = {cast.STAFF, cast.HIDDEN, cast.ANOTHERS, cast.HERS}
    never = {"md5$", "argon2$"}
    return {"shopper": never | of_staff - {cast.HERS}, "clerk": never, "manager": never, "owner": never}.get(
        who, never | of_staff
    )


@pytest.mark.parametrize("who", AT_SHOP)
def test_at_a_shop_everybody_sees_what_the_table_says(acme: TenantInfo, globex: TenantInfo, who: str) -> None:
    with use_tenant(acme):
        values = cast.create_rows()
    visitor = cast.visitors_of_shop(acme, globex, values)[who]
    crawl(visitor, who, routes_of(urlconf_of("default")), values, table("At a shop", AT_SHOP), secrets_from(who))


@pytest.mark.parametrize("who", AT_PLATFORM)
def test_at_the_platform_everybody_sees_what_the_table_says(acme: TenantInfo, who: str) -> None:
    visitor = cast.visitors_of_platform(acme)[who]
    with use_tenant(PLATFORM):
        values = cast.first_of_each_model() | {"app_label": "tenants", "url": "nothing/"}
    crawl(visitor, who, routes_of("config.urls_platform"), values, table("At the platform", AT_PLATFORM), set())


_WRITTEN_BY_LOOKING = ("axes_", "django_session", "otp_totp_totpdevice")
"""Failed logins, sessions, and a device of one's own, which counts for nothing before its first code."""


def rows_of(tenant: TenantInfo) -> dict[str, str]:
    """Return, table by table, a fingerprint of all rows."""
    with use_tenant(tenant), connection.cursor() as cursor:
        names = [
            name for name in connection.introspection.table_names(cursor) if not name.startswith(_WRITTEN_BY_LOOKING)
        ]
        found = {}
        for name in names:
            cursor.execute(f"SELECT md5(coalesce(string_agg(t::text, chr(10) ORDER BY t::text), '')) FROM \"{name}\" t")
            found[name] = cursor.fetchone()[0]
        return found


@pytest.mark.parametrize("who", ["anonymous", "shopper", "owner of another shop", "operator"])
def test_empty_request_without_an_account_changes_nothing(acme: TenantInfo, globex: TenantInfo, who: str) -> None:
    with use_tenant(acme):
        values = cast.create_rows()
    visitor = cast.visitors_of_shop(acme, globex, values)[who]
    before = rows_of(acme)
    wrong = []
    for route in routes_of(urlconf_of("default")):
        path = route.path(values)
        for method in WRITING:
            response = getattr(visitor, method)(path)
            body_of(response)
            if response.status_code >= 500:
                wrong.append(f"{method} {path}: {response.status_code}")
    assert wrong == []
    assert rows_of(acme) == before


@pytest.mark.parametrize("who", ["anonymous", "owner of a shop", "operator with view permission"])
def test_who_may_change_nothing_at_the_platform_changes_nothing(acme: TenantInfo, who: str) -> None:
    visitor = cast.visitors_of_platform(acme)[who]
    with use_tenant(PLATFORM):
        values = cast.first_of_each_model() | {"app_label": "tenants", "url": "nothing/"}
    before = rows_of(PLATFORM)
    wrong = []
    for route in routes_of("config.urls_platform"):
        path = route.path(values)
        for method in WRITING:
            if path.startswith("/admin/logout/"):
                continue
            response = getattr(visitor, method)(path)
            if response.status_code >= 500:
                wrong.append(f"{method} {path}: {response.status_code}")
    assert wrong == []
    assert rows_of(PLATFORM) == before


def test_staff_is_led_to_nothing_that_the_admin_does_not_show_them(acme: TenantInfo, globex: TenantInfo) -> None:
    with use_tenant(acme):
        values = cast.create_rows()
        kinds = list(ContentType.objects.values_list("pk", flat=True))
    visitors = cast.visitors_of_shop(acme, globex, values)
    for who in ("clerk", "owner"):
        for kind in [*kinds, 0, 10**9, 10**30, "x", "-1"]:
            for key in (1, 10**9, "x", "%00"):
                assert visitors[who].get(f"/admin/r/{kind}/{key}/").status_code == 404
