"""Wagtail, a third-party app with a long history, migrates in fifty tenants as with Django alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tenants.contrib.devserver import embedded
from tests.acceptance.hand import Hand
from tests.tenants.contrib.devserver.conftest import discard

TENANTS = 50


@pytest.fixture
def hand(tmp_path: Path) -> Iterator[Hand]:
    hand = Hand(tmp_path / "data", "tests.wagtail_settings")
    yield hand
    hand.kill()
    discard(embedded(tmp_path / "data" / "postgres"))


def statements(dump: str) -> list[str]:
    """Return the statements of a dump in an order that does not hang on when a row was written."""
    return sorted(line for line in dump.splitlines() if line.startswith("INSERT"))


def without_keys(dump: str) -> list[str]:
    """Return the rows without signing keys, which differ between tenants."""
    rows = statements(dump)
    assert len(of("oauth_signingkey", rows)) == 1
    return [row for row in rows if row not in of("oauth_signingkey", rows)]


@pytest.mark.timeout(900)
def test_wagtail_in_fifty_tenants_is_wagtail_by_django_alone(hand: Hand) -> None:
    hand.do("prepare()")
    by_django = hand.do("create_as_django_does('by-django')")
    made = hand.do(f"create_many({TENANTS})")
    expected = hand.do(f"dump('{by_django}', 'schema')")
    assert "wagtailcore_page" in expected
    rows = without_keys(hand.do(f"dump('{made[0]}', 'data')"))
    assert len(rows) > 400
    for schema in (made[0], made[1], made[-1]):
        assert hand.do(f"dump('{schema}', 'schema')") == expected
        assert without_keys(hand.do(f"dump('{schema}', 'data')")) == rows
    djangos = statements(hand.do(f"dump('{by_django}', 'data')"))
    for table in ("auth_permission", "django_content_type", "wagtailcore_page", "wagtailcore_site"):
        assert len(of(table, rows)) == len(of(table, djangos)) > 0
    assert hand.do("migrate(None)") == []
    assert hand.do("findings()") == []


def of(table: str, rows: list[str]) -> list[str]:
    return [row for row in rows if f".{table} " in row]
