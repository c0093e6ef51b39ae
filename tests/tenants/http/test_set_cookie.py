"""Set-Cookie headers are parsed as browsers do, or not at all."""

from __future__ import annotations

import pytest

from tenants.http.set_cookie import read_set_cookie


@pytest.mark.parametrize(
    ("header", "name", "value", "path", "has_domain"),
    [
        ("a=b", "a", "b", "", False),
        (" a = b ; Path=/x ; Secure", "a", "b", "/x", False),
        ("a=b=c", "a", "b=c", "", False),
        ('a={"x":1}; path=relative', "a", '{"x":1}', "", False),
        ("a=; DOMAIN=.localhost", "a", "", "", True),
        ("a=b;domain", "a", "b", "", True),
        ("a=b; Path=/x; path=/y", "a", "b", "/y", False),
    ],
)
def test_cookie_is_read_as_browsers_do(header: str, name: str, value: str, path: str, *, has_domain: bool) -> None:
    """Fault 60: `Domain=` is found in any spelling."""
    cookie = read_set_cookie(header)
    assert cookie is not None
    assert (cookie.name, cookie.value, cookie.path, cookie.has_domain) == (name, value, path, has_domain)


@pytest.mark.parametrize("header", ["", "a", "=b", "; a=b", "a b=c", "a=b\x00", "a=b\r\nX: y", "é=b", "a=b\x7f"])
def test_cookie_that_can_be_read_in_two_ways_is_none(header: str) -> None:
    assert read_set_cookie(header) is None


def test_cookie_keeps_its_attributes_when_it_is_moved() -> None:
    cookie = read_set_cookie("a=b; Path=/; Max-Age=60; Secure; SameSite=Lax")
    assert cookie is not None
    assert str(cookie.moved("t_1.a", "/t/acme")) == "t_1.a=b; Max-Age=60; Secure; SameSite=Lax; Path=/t/acme"
