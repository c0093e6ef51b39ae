"""Types of command-line arguments: numbers within bounds. argparse prints the message and exits with code 2."""

from __future__ import annotations

import math
from argparse import ArgumentTypeError
from collections.abc import Callable

MOST_SECONDS = 86_400.0


def whole_number(least: int, most: int = 1_000_000) -> Callable[[str], int]:
    """Return a type for whole numbers from `least` to `most`."""

    def read(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = least - 1
        if not least <= number <= most:
            raise ArgumentTypeError(f"{text!r} is not a whole number from {least} to {most:,}.")
        return number

    return read


def seconds(text: str) -> float:
    """Return a time in seconds, up to a day."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 <= number <= MOST_SECONDS:  # false for what is no number
        raise ArgumentTypeError(f"{text!r} is not a number of seconds from 0 to {MOST_SECONDS:,.0f}.")
    return number
