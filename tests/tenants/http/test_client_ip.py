"""The client's address, with any headers that the client sends."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import RequestFactory, override_settings

from tenants.http.client_ip import get_client_ip
from tests.settings import TENANTS


def address(proxies: int = 0, **meta: Any) -> str | None:
    with override_settings(TENANTS={**TENANTS, "TRUSTED_PROXIES": proxies}):
        return get_client_ip(RequestFactory().get("/", **meta))


@pytest.mark.parametrize(
    ("remote", "expected"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2::ffff", "2001:db8:1:2::"),
        ("", None),
        ("unix:", None),
        ("192.0.2.7\0", None),
    ],
)
def test_it_is_who_connected(remote: str, expected: str | None) -> None:
    assert address(REMOTE_ADDR=remote, HTTP_X_FORWARDED_FOR="203.0.113.1") == expected


@pytest.mark.parametrize(
    ("proxies", "header", "expected"),
    [
        (1, "203.0.113.1", "203.0.113.1"),
        (1, "10.0.0.1, 203.0.113.1", "203.0.113.1"),
        (2, "203.0.113.1, 198.51.100.1", "203.0.113.1"),
        (2, "6.6.6.6, 203.0.113.1, 198.51.100.1", "203.0.113.1"),
        (1, "6.6.6.6,2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        (2, "203.0.113.1", None),  # it came past a proxy
        (1, "", None),
        (1, "unknown", None),
    ],
)
def test_behind_proxies_it_is_who_connected_to_the_first(proxies: int, header: str, expected: str | None) -> None:
    assert address(proxies, REMOTE_ADDR="127.0.0.1", HTTP_X_FORWARDED_FOR=header) == expected
