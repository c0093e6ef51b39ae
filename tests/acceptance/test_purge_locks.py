"""Purge of a shop with 600 tables under PostgreSQL's default for locks, which one DROP SCHEMA would exceed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tenants.contrib.devserver import embedded
from tests.acceptance.hand import Hand
from tests.tenants.contrib.devserver.conftest import discard


@pytest.fixture
def hand(tmp_path: Path) -> Iterator[Hand]:
    hand = Hand(tmp_path / "data")
    yield hand
    hand.kill()
    discard(embedded(tmp_path / "data" / "postgres"))


@pytest.mark.timeout(900)
def test_six_hundred_tables_are_purged_under_the_default_of_locks(hand: Hand) -> None:
    hand.do("start_with_few_locks()")
    hand.do("prepare()")
    hand.do("create('large')")
    hand.do("add_tables('large', 600)")
    hand.begin("drop_at_once('large')")
    assert "out of shared memory" in hand.answer()["error"]
    hand.do("purge('large')")
    assert hand.do("slugs()") == []
    assert hand.do("findings()") == []
