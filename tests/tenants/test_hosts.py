"""Every spelling of a host has one normal form or is refused."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenants.errors import InvalidHost
from tenants.hosts import host_of_header, normalize_host


@pytest.mark.parametrize(
    ("written", "spelling"),
    [
        ("acme.localhost", "acme.localhost"),
        ("ACME.LocalHost", "acme.localhost"),
        ("acme.localhost.", "acme.localhost"),
        ("acme.localhost:8000", "acme.localhost"),
        ("acme.localhost.:8000", "acme.localhost"),
        ("acme.localhost:", "acme.localhost"),
        ("  acme.localhost ", "acme.localhost"),
        ("127.0.0.1:8000", "127.0.0.1"),
        ("[::1]", "[::1]"),
        ("[::1]:8000", "[::1]"),
        ("[0:0:0:0:0:0:0:1]", "[::1]"),
        ("[2001:DB8::00AB]:443", "[2001:db8::ab]"),
        ("상가.example", "xn--o39ao70b.example"),
        ("XN--O39AO70B.example", "xn--o39ao70b.example"),
        ("münchen.example", "xn--mnchen-3ya.example"),
        ("MÜNCHEN.example.", "xn--mnchen-3ya.example"),
        ("faß.example", "xn--fa-hia.example"),  # IDNA 2008; the older standard would have said fass
        ("ａｃｍｅ.localhost", "acme.localhost"),
        ("acme。localhost", "acme.localhost"),
        ("\u212aorea.example", "korea.example"),  # KELVIN SIGN
        ("a" * 63 + ".example", "a" * 63 + ".example"),
        (".".join(["a" * 49] * 5) + ".abc", ".".join(["a" * 49] * 5) + ".abc"),  # 253 characters
    ],
)
def test_a_host_has_one_spelling(written: str, spelling: str) -> None:
    assert normalize_host(written) == spelling


@pytest.mark.parametrize(
    "written",
    [
        "", " ", ".", "..", "acme..localhost", ".acme", "acme.localhost..", "-acme.localhost", "acme-.localhost",
        "user@acme.localhost", "user:pass@acme.localhost", "acme_1.localhost", "acme.localhost:port",
        "acme.localhost:123456", "acme.localhost:80:80", "acme.localhost/path", "acme.localhost?x", "acme.localhost#x",
        "acme.localhost\\x", "acme.localhost,globex.localhost", "acme.localhost globex.localhost", "a\0b.localhost",
        "acme.localhost\nX-Evil: 1", "a" * 64 + ".example", ("a" * 49 + ".") * 5 + "abcd",
        "a" * 100_000, "가" * 64, "xn--a.example", "xn--.example", "xn--\u00e9.example", "%61cme.localhost", "<script>",
        "[::1", "::1", "[]", "[::1]x", "[::1]]", "[acme]", "[127.0.0.1]", "[::1%eth0]", "[::1%</script>]", "[:::]",
        "\ud800.example", "\u202eacme.localhost", "💥.example", "a\u200d.example",
    ],
    ids=lambda written: ascii(written)[:40],
)  # fmt: skip
def test_what_is_no_host_name_is_refused_with_a_reason(written: str) -> None:
    with pytest.raises(InvalidHost) as refused:
        normalize_host(written)
    assert refused.value.host == written
    assert len(str(refused.value)) < 500


@settings(max_examples=2000, deadline=None)
@given(st.text(max_size=300) | st.from_regex(r"[A-Za-z0-9.\-_:@\[\]%가é]{0,80}", fullmatch=True))
def test_any_text_has_a_spelling_that_is_its_own_or_is_refused(written: str) -> None:
    try:
        spelling = normalize_host(written)
    except InvalidHost:
        return
    assert spelling.isascii()
    assert spelling == spelling.lower()
    assert len(spelling) <= 253
    assert normalize_host(spelling) == spelling


def read(raw: str) -> str:
    try:
        return host_of_header(raw)
    except InvalidHost:
        return ""


@given(st.binary(max_size=20) | st.text(max_size=12).map(str.encode))
def test_host_header_is_read_in_one_way_by_all_servers(sent: bytes) -> None:
    """Fault 33: the gateway decodes UTF-8 and WSGI Latin-1: both see the same host, or neither sees one."""
    assert read(sent.decode("utf-8", "surrogateescape")) == read(sent.decode("latin-1"))


@pytest.mark.parametrize(
    "raw", ["ａｃｍｅ.localhost", "acme。localhost", "상가.example", "acme:٨٠", "acme:", " acme", "acme\n"]
)
def test_host_header_with_more_than_ascii_is_refused(raw: str) -> None:
    """Fault 33: what a form may have is no header of a request."""
    assert read(raw) == ""
    assert read("ACME.localhost.:8000") == "acme.localhost"
