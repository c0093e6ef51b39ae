"""A slug is one plain host label, and never becomes part of SQL."""

from __future__ import annotations

import re
import string

import pytest
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st

from tenants import PLATFORM, use_tenant
from tenants.errors import InvalidName
from tenants.names import RESERVED_SLUGS, SLUG_MAX_LENGTH, role_name, schema_name, validate_slug

ODD = [
    "", " ", "-", "--", "_", ".", "..", "../../etc", "a/../b", "a b", " a", "a ", "a\n", "\na", "a\0", "\0", "a\0b",
    "'", '"', "z';CREATE TABLE public.pwned(i int)--", 'q"; DROP SCHEMA public CASCADE; --', "a;b", "a--b\n", "$1",
    "%s", "%(a)s", "{}", "a\\", "a'b", "a`b", "Acme", "ACME", "aCME", "é" * 63, "é", "ａｃｍｅ", "аcme", "상가", "ß",
    "ſhop", "a\u200bb", "a\u202eb", "\ufeffa", "💥", "\ud800", "a_b", "a.b", "acme.", ".acme", "-acme", "acme-",
    "xn--o39an51b", "ab--cd", "a:b", "a@b", "[::1]", "a?b", "a#b", "a" * 64, "a" * 65, "a" * 10_000, "١٢٣", "²",
]  # fmt: skip

GOOD = [
    "a",
    "1",
    "0",
    "a1",
    "1a",
    "a-b",
    "a-b-c",
    "a--b",
    "abc--d",
    "1-2",
    "a" * 63,
    "9" * 63,
    "ab-" + "c-" * 29 + "z",
    "xn-a",
]

KEYWORDS = ["order", "user", "select", "end", "table", "current-user", "pg-catalog", "information-schema", "pg-toast"]


@pytest.mark.parametrize("slug", ODD, ids=ascii)
def test_an_odd_slug_is_refused_with_a_reason(slug: str) -> None:
    with pytest.raises(InvalidName) as refused:
        validate_slug(slug)
    assert refused.value.slug == slug
    assert refused.value.reason in str(refused.value)
    assert len(str(refused.value)) < 400


@pytest.mark.parametrize("slug", GOOD + KEYWORDS)
def test_a_plain_label_names_a_tenant_even_if_it_is_a_word_of_sql(slug: str) -> None:
    assert validate_slug(slug) == slug


def test_every_keyword_of_postgresql_is_a_slug_or_reserved(db: None) -> None:
    with use_tenant(PLATFORM), connection.cursor() as cursor:
        cursor.execute("SELECT word FROM pg_get_keywords()")
        words = [word for (word,) in cursor.fetchall()]
    assert len(words) > 400
    for word in words:
        slug = word.replace("_", "-")
        if slug not in RESERVED_SLUGS:
            assert validate_slug(slug) == slug


@pytest.mark.parametrize("slug", sorted(RESERVED_SLUGS))
def test_a_name_of_the_platforms_own_is_refused(slug: str) -> None:
    with pytest.raises(InvalidName, match="reserved"):
        validate_slug(slug)


def test_settings_may_reserve_more() -> None:
    with pytest.raises(InvalidName, match="reserved"):
        validate_slug("acme", reserved=RESERVED_SLUGS | {"acme"})


def test_every_reserved_slug_could_otherwise_name_a_tenant() -> None:
    """A reserved word that the rules refuse anyway would be a misspelt one."""
    for slug in RESERVED_SLUGS:
        assert validate_slug(slug, reserved=frozenset()) == slug


_LABEL_OF_A_HOST = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)", re.ASCII)
_NEARLY_A_SLUG = st.text(st.sampled_from(string.ascii_lowercase + string.digits + "-AZ_.é\0'\" "), max_size=70)


@settings(max_examples=5000, deadline=None)
@given(st.text(max_size=80) | _NEARLY_A_SLUG)
def test_any_text_is_refused_or_is_a_plain_label(slug: str) -> None:
    try:
        accepted = validate_slug(slug)
    except InvalidName:
        return
    assert accepted == slug
    assert _LABEL_OF_A_HOST.fullmatch(slug)
    assert slug.encode("ascii").decode("idna") == slug, "not an encoded name"
    assert len(slug.encode()) <= SLUG_MAX_LENGTH


def test_random_slugs_are_refused_or_valid_host_labels() -> None:
    """Each of the first 10,000 characters of Unicode at the start, inside and at the end of a slug."""
    for number in range(10_000):
        character = chr(number)
        for slug in (f"{character}b", f"a{character}b", f"a{character}"):
            if character in string.ascii_lowercase + string.digits or (character == "-" and slug == "a-b"):
                assert validate_slug(slug) == slug
            else:
                with pytest.raises(InvalidName):
                    validate_slug(slug)


def test_a_schema_is_named_by_the_id_alone() -> None:
    assert schema_name(7) == "t_7"
    with pytest.raises(ValueError):
        schema_name("7; DROP SCHEMA public")  # type: ignore[arg-type]


@given(st.text(min_size=1, max_size=80), st.integers(min_value=1, max_value=2**63 - 1))
def test_a_role_is_a_plain_identifier_that_postgresql_does_not_cut(database: str, tenant_id: int) -> None:
    role = role_name(database, tenant_id)
    assert re.fullmatch(r"[a-z][a-z0-9_]*", role)
    assert len(role.encode()) <= 63
    assert role.endswith(f"_t_{tenant_id}")


def test_the_roles_of_two_databases_on_one_server_differ() -> None:
    names = ["shop", "Shop", "shop-1", "shop_1", "상가", "a" * 63, "a" * 62 + "b", "pg_shop"]
    assert len({role_name(name, 1) for name in names}) == len(names)
