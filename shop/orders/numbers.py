"""Order numbers: short enough to read out on the phone, and not to be guessed."""

from __future__ import annotations

import secrets

_LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""Without 0, 1, I and O, which are taken for one another."""


def new_order_number() -> str:
    """Return a number like `7KQ4M-ZX2PA`: 50 random bits, so that no stranger finds an order by counting."""
    characters = "".join(secrets.choice(_LETTERS) for _ in range(10))
    return f"{characters[:5]}-{characters[5:]}"
