"""Cells that a spreadsheet would take for formulas: written so that it does not, and read as they were.

An apostrophe in front makes a text of a cell. The same rule reads it back, so that every text survives the way.
"""

from __future__ import annotations

import re

_FORMULA = re.compile(r"[\s']*[=+\-@＝＋－＠]|'*[\t\r\n]")
_NEGATIVE_NUMBER = re.compile(r"-[0-9]+(?:\.[0-9]+)?")


def for_spreadsheet(text: str) -> str:
    """Return a cell that shows `text` and computes nothing. Every cell of every CSV that we write goes through here."""
    return f"'{text}" if _is_formula(text) else text


def from_spreadsheet(cell: str) -> str:
    """Return the text that `for_spreadsheet` made `cell` of."""
    # A number as well: other shops put an apostrophe before those, and no text of ours is written so.
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell, 1) else cell


def _is_formula(text: str) -> bool:
    return _FORMULA.match(text) is not None and not _NEGATIVE_NUMBER.fullmatch(text)
