"""Types of command-line arguments: numbers within bounds."""

from __future__ import annotations

import math
from argparse import ArgumentTypeError
from collections.abc import Callable

MAX_SECONDS = 86_400.0


def whole_number(minimum: int, maximum: int = 1_000_000) -> Callable[[str], int]:
    """Return a type for whole numbers from `least` to `most`."""

    def read(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = minimum - 1
        if not minimum <= number <= maximum:
            raise ArgumentTypeError(f"{text!r} is not a whole number from {minimum} to {maximum:,}.")
        return number

    return read


def seconds(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 <= number <= MAX_SECONDS:  # also false for NaN
        raise ArgumentTypeError(f"{text!r} is not a number of seconds from 0 to {MAX_SECONDS:,.0f}.")
    return number
