"""Cells that cannot be imported, or only with a change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from shop.goods.notes import Kind


class BadCell(Exception):
    def __init__(self, column: str, reason: str) -> None:
        super().__init__(column, reason)
        self.column = column
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Changed:
    """A value that differs from its cell, and how."""

    value: Any
    kinds: tuple[Kind, ...]


def quoted(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:60]}…")
