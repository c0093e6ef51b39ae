"""Protection against CSV injection: cells that a spreadsheet would take for formulas get an apostrophe.

The same rule removes it when a file is read, so that every text survives export and import.
"""

from __future__ import annotations

import re

_FORMULA = re.compile(r"[\s']*[=+\-@＝＋－＠]|'*[\t\r\n]")
_NEGATIVE_NUMBER = re.compile(r"-[0-9]+(?:\.[0-9]+)?")


def for_spreadsheet(text: str) -> str:
    """Return a cell that shows `text` and computes nothing. Every cell of every CSV that we write goes through here."""
    is_formula = _FORMULA.match(text) and not _NEGATIVE_NUMBER.fullmatch(text)
    return f"'{text}" if is_formula else text


def from_spreadsheet(cell: str) -> str:
    """Return the text of a cell that `for_spreadsheet` made."""
    # A number as well: other shops put an apostrophe before those, and `for_spreadsheet` never does.
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell, 1) else cell
