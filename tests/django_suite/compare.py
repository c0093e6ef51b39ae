"""Print which tests of Django's suite fail on our backend alone, and which on Django's alone."""

from __future__ import annotations

import re
import sys
from pathlib import Path

_FAILED = re.compile(r"^(?:ERROR|FAIL): (.+)$", re.MULTILINE)


def failures(log: str) -> set[str]:
    """Return the names of the tests that a log of unittest tells as failed, subtests among them."""
    return set(_FAILED.findall(Path(log).read_text()))


def main(stock: str, ours: str) -> None:
    by_django, by_us = failures(stock), failures(ours)
    for title, names in (("On our backend alone", by_us - by_django), ("On Django's alone", by_django - by_us)):
        print(f"{title}: {len(names)}")
        for name in sorted(names):
            print(f"  {name}")


if __name__ == "__main__":
    main(*sys.argv[1:])
