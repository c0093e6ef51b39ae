"""Choice of the API version, and headers of each."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from tenants import PLATFORM, TenantInfo, use_tenant
from tenants.conf import check_all_settings
from tenants.errors import ConfigurationError
from tenants.models import Tenant
from tenants.registry.lookup import registry


@pytest.fixture
def with_settings(settings: Any) -> Any:
    """Return a function that sets keys of TENANTS for this test."""

    def change(**keys: Any) -> None:
        settings.TENANTS = {**settings.TENANTS, **keys}

    return change


def _choose(tenant: TenantInfo, version: str) -> None:
    with use_tenant(PLATFORM):
        Tenant.objects.filter(pk=tenant.id).update(api_version=version)
    registry.clear()


@pytest.mark.parametrize(
    ("query", "headers", "version"),
    [
        ("", {}, "v2"),
        ("?api_version=v1", {}, "v1"),
        ("", {"X-API-Version": "v1"}, "v1"),
        ("?api_version=v1", {"X-API-Version": "v1"}, "v1"),
        ("?api_version=", {"X-API-Version": ""}, "v2"),
    ],
)
def test_a_request_says_which_version_it_means(
    client: Client, query: str, headers: dict[str, str], version: str
) -> None:
    answer = client.get(f"/api/goods{query}", headers=headers)
    assert (answer.status_code, answer.headers["X-API-Version"]) == (200, version)
    assert ("count" in answer.json()) is (version == "v1")
    assert "X-API-Version" in answer.headers["Vary"]


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ("?api_version=v3", {}),
        ("", {"X-API-Version": "2"}),
        ("?api_version=v1", {"X-API-Version": "v2"}),
    ],
)
def test_a_version_that_there_is_not_is_refused(client: Client, query: str, headers: dict[str, str]) -> None:
    answer = client.get(f"/api/goods{query}", headers=headers)
    assert (answer.status_code, answer.headers["Content-Type"]) == (400, "application/problem+json; charset=utf-8")


def test_the_path_has_the_last_word(client: Client) -> None:
    assert client.get("/api/v1/goods", headers={"X-API-Version": "v2"}).headers["X-API-Version"] == "v1"


def test_writing_works_without_a_version_in_the_path_too(client: Client) -> None:
    answer = client.post("/api/categories", {}, content_type="application/json")
    assert (answer.status_code, answer.json()["instance"]) == (401, "/api/categories")
    assert client.delete("/api/me").status_code == 405


def test_each_tenant_has_its_own_default(client: Client, acme: TenantInfo, globex: TenantInfo, client_of: Any) -> None:
    _choose(acme, "v1")
    assert client.get("/api/goods").headers["X-API-Version"] == "v1"
    assert client_of(globex).get("/api/goods").headers["X-API-Version"] == "v2"
    _choose(acme, "v0")  # a version that was removed since
    assert client.get("/api/goods").headers["X-API-Version"] == "v2"


def test_the_versions_are_listed(client: Client, acme: TenantInfo, with_settings: Any) -> None:
    with_settings(API_DEPRECATED=["v1=2027-01-31"])
    _choose(acme, "v1")
    told = client.get("/api/").json()
    assert (told["default"], [one["version"] for one in told["versions"]]) == ("v1", ["v1", "v2"])
    assert told["versions"][0]["deprecated"] == "2027-01-31"
    for one in told["versions"]:
        assert client.get(one["docs"]).status_code == client.get(one["openapi"]).status_code == 200


def test_a_version_that_is_to_go_says_so_in_every_answer(client: Client, with_settings: Any) -> None:
    for path in ("/api/v1/goods", "/api/v1/goods/99", "/api/v1/nothing", "/api/v1/openapi.json"):
        assert not {"Deprecation", "Sunset"} & set(client.get(path).headers)
    with_settings(API_DEPRECATED=["v1=2027-01-31"], API_SUNSET=["v1=2028-01-31"])
    for path in ("/api/v1/goods", "/api/v1/goods/99", "/api/v1/nothing", "/api/v1/openapi.json"):
        headers = client.get(path).headers
        assert headers["Deprecation"] == "@1801353600"
        assert headers["Sunset"] == "Mon, 31 Jan 2028 00:00:00 GMT"
        assert headers["Link"] == '</api/v2/>; rel="successor-version"'
    assert not {"Deprecation", "Sunset"} & set(client.get("/api/v2/goods").headers)


@pytest.mark.parametrize(
    ("keys", "named"),
    [
        ({"API_DEFAULT_VERSION": "v9"}, "API_DEFAULT_VERSION"),
        ({"API_DEPRECATED": ["v9=2027-01-31"]}, "API_DEPRECATED"),
        ({"API_SUNSET": ["v1=31.1.2027"]}, "API_SUNSET"),
        ({"API_SUNSET": ["v1"]}, "API_SUNSET"),
    ],
)
def test_settings_that_make_no_sense_are_refused(with_settings: Any, keys: dict[str, Any], named: str) -> None:
    with_settings(**keys)
    with pytest.raises(ConfigurationError, match=named):
        check_all_settings()


def test_a_tenant_under_a_path_has_its_versions_there(client: Client, acme: TenantInfo, with_settings: Any) -> None:
    with_settings(PATH_PREFIX="t")
    platform = Client(HTTP_HOST="localhost")
    answer = platform.get("/t/acme/api/goods?api_version=v1")
    assert (answer.status_code, answer.headers["X-API-Version"]) == (200, "v1")
    described = platform.get("/t/acme/api/v2/openapi.json").json()
    assert "/t/acme/api/v2/goods" in described["paths"]
    assert described["servers"] == []
