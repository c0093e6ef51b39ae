"""An unknown API version, or two in one request, is an error in every way to name it."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.shop.api.conftest import Caller


@pytest.mark.parametrize("path", ["/api/v3/goods", "/api/v99/", "/api/v0", "/api/v3/goods?api_version=v1"])
def test_unknown_version_in_the_path_names_those_that_there_are(client: Client, path: str) -> None:
    """Fault 44."""
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer["Content-Type"].startswith("application/problem+json")
    assert "v1, v2" in answer.json()["detail"]
    assert answer["X-API-Version"] == "v2"


def test_unknown_version_in_header_or_parameter_names_a_version(client: Client) -> None:
    """Fault 44."""
    for answer in (client.get("/api/goods?api_version=v9"), client.get("/api/goods", headers={"X-API-Version": "v9"})):
        assert (answer.status_code, answer["X-API-Version"]) == (400, "v2")
        assert "v1, v2" in answer.json()["detail"]


def test_path_and_header_may_not_contradict_each_other(stranger: Caller, version: str) -> None:
    """Fault 44."""
    other = "v2" if version == "v1" else "v1"
    for refused in (stranger.get("/goods", x_api_version=other), stranger.get(f"/goods?api_version={other}")):
        assert refused.status_code == 400
        assert version in refused.json()["detail"]
        assert refused["X-API-Version"] == version
    assert stranger.get("/goods", x_api_version=version).status_code == 200
    assert stranger.get("/nothing", x_api_version=other).status_code == 400


@pytest.mark.parametrize("path", ["/api/goods", "/api/v1/goods", "/api/v2/goods"])
@pytest.mark.parametrize("asked", ["api_version=v1&api_version=v2", "api_version=v2&api_version=v1"])
def test_two_parameters_may_not_contradict_each_other(client: Client, path: str, asked: str) -> None:
    """Fault 44: the last one counted."""
    assert client.get(f"{path}?{asked}").status_code == 400


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "FOO"])
def test_list_of_versions_is_for_reading_alone(client: Client, method: str) -> None:
    """Fault 44: any method got the list."""
    refused = client.generic(method, "/api/")
    assert (refused.status_code, refused["Allow"]) == (405, "GET, HEAD")
    assert refused["Content-Type"].startswith("application/problem+json")
