"""Words of a private dialect that texts of the project do not use; CONTRIBUTING.md has the style."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PLACES = ("tenants", "shop", "config", "bench", "examples", "docs", "README.md", "CONTRIBUTING.md")
SUFFIXES = {".py", ".md", ".html", ".txt", ".js"}
WORDS = (
    "whoever", "whosoever", "somebody", "nobody", "anew", "in hand", "at hand", "furnish", "furnishes", "turnstile",
    "census", "sighted", "deeds", "awaits", "told of", "heard of", "laid down", "belongs to nobody",
)  # fmt: skip
# "nobody" is also a host of the demo, an address of tests and a user of Unix.
FOUND = re.compile(r"\b(" + "|".join(map(re.escape, WORDS)) + r")\b(?![.@'\"])", re.IGNORECASE)


def test_texts_have_no_word_of_the_list() -> None:
    files = subprocess.run(["git", "ls-files", *PLACES], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    found = [
        f"{file}:{number}: {match[0]}"
        for file in files.splitlines()
        if Path(file).suffix in SUFFIXES
        for number, line in enumerate((ROOT / file).read_text().splitlines(), 1)
        for match in [FOUND.search(line)]
        if match
    ]
    assert found == []
