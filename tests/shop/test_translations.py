"""Korean is complete, and what is compiled is what is written."""

from __future__ import annotations

import ast
import gettext
import re
from pathlib import Path

import pytest
from django.conf import settings

CATALOGUES = [settings.BASE_DIR / app / "locale" / "ko" / "LC_MESSAGES" / "django.po" for app in ("shop", "tenants")]
_ENTRY = re.compile(r'^msgid (".*")\n(?:msgid_plural ".*"\nmsgstr\[0\]|msgstr) (".*")$', re.MULTILINE)


@pytest.mark.parametrize("catalogue", CATALOGUES, ids=["shop", "tenants"])
def test_every_text_has_its_korean_and_the_compiled_file_has_it_too(catalogue: Path) -> None:
    entries = [(ast.literal_eval(text), ast.literal_eval(korean)) for text, korean in _entries(catalogue)]
    with catalogue.with_suffix(".mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    assert len(entries) > 50
    assert [text for text, korean in entries if not korean] == []
    assert [
        text for text, korean in entries if korean not in (compiled.gettext(text), compiled.ngettext(text, text, 1))
    ] == []


def _entries(catalogue: Path) -> list[tuple[str, str]]:
    _, body = catalogue.read_text().split("\n\n", 1)
    # A long text may be split over several lines.
    found = _ENTRY.findall(re.sub(r'"\n"', "", body))
    assert len(found) == len(re.findall(r"^msgid ", body, re.MULTILINE))
    return found
