"""Order numbers: short enough for the phone, and impossible to guess."""

from __future__ import annotations

import secrets

_LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""Without 0, 1, I and O, which look alike."""


def new_order_number() -> str:
    """Return a number like `7KQ4M-ZX2PA`: 50 random bits."""
    characters = "".join(secrets.choice(_LETTERS) for _ in range(10))
    return f"{characters[:5]}-{characters[5:]}"
