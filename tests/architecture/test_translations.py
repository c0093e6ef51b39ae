"""Korean catalogues: complete, compiled, without entries that no code has, and with one word for a shop."""

from __future__ import annotations

import ast
import gettext
import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import pytest
from django.conf import settings
from django.utils.translation.template import templatize

_IN_APP = Path("locale", "ko", "LC_MESSAGES", "django.po")
CATALOGUES = sorted(settings.BASE_DIR.glob(f"shop/{_IN_APP}")) + sorted(settings.BASE_DIR.glob(f"tenants/**/{_IN_APP}"))
_ENTRY = re.compile(
    r'^(?:msgctxt "(.*)"\n)?msgid (".*")\n(?:msgid_plural ".*"\nmsgstr\[0\]|msgstr) (".*")$', re.MULTILINE
)
_MARKED = {"_", "gettext", "gettext_lazy", "gettext_noop", "ngettext", "ngettext_lazy", "pgettext", "pgettext_lazy"}
_IN_TEMPLATE = re.compile(r"\b(?:_|n?gettext)\(u?(\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*')")


@pytest.mark.parametrize("catalogue", CATALOGUES, ids=lambda catalogue: catalogue.parents[3].name)
def test_every_text_has_its_korean_and_the_compiled_file_has_it_too(catalogue: Path) -> None:
    entries = _entries(catalogue)
    with catalogue.with_suffix(".mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    assert entries
    assert [entry for entry in entries if not entry.korean] == []
    for context, text, korean in entries:
        single = compiled.pgettext(context, text) if context else compiled.gettext(text)
        assert korean in (single, compiled.ngettext(text, text, 1))


@pytest.mark.parametrize("catalogue", CATALOGUES, ids=lambda catalogue: catalogue.parents[3].name)
def test_every_text_that_the_code_marks_is_in_the_catalogue(catalogue: Path) -> None:
    known = {entry.text for entry in _entries(catalogue)}
    marked = set(_marked(catalogue.parents[3]))
    assert marked
    # If this fails: django-admin makemessages -l ko --add-location file --no-wrap, in the folder of the app.
    assert marked - known == set()


@pytest.mark.parametrize("catalogue", CATALOGUES, ids=lambda catalogue: catalogue.parents[3].name)
def test_catalogue_has_no_text_that_its_app_does_not_mark(catalogue: Path) -> None:
    """Merges of catalogues line by line put old entries back."""
    if catalogue.parents[3].name == "accounts":
        pytest.skip("it also has texts of Unfold and Django")
    app = catalogue.parents[3]
    folders = [app, settings.BASE_DIR / "config"] if app.name == "shop" else [app]
    marked = {text for folder in folders for text in _marked(folder)}
    assert {entry.text for entry in _entries(catalogue)} - marked == set()


def test_korean_has_one_word_for_a_shop() -> None:
    texts = [entry.korean for entry in chain.from_iterable(map(_entries, CATALOGUES))]
    assert [korean for korean in texts if re.search("가게|상점|쇼핑몰", korean)] == []


def test_a_text_has_one_korean_in_all_catalogues() -> None:
    """Django merges the catalogues: a second translation would be shown on the pages of the other app."""
    known: dict[tuple[str, str], set[str]] = {}
    for entry in chain.from_iterable(map(_entries, CATALOGUES)):
        known.setdefault(entry[:2], set()).add(entry.korean)
    assert {text: koreans for text, koreans in known.items() if len(koreans) > 1} == {}


def _marked(app: Path) -> Iterator[str]:
    others = [catalogue.parents[3] for catalogue in CATALOGUES if app in catalogue.parents[4:]]
    files = [file for file in app.rglob("*.*") if not any(other in file.parents for other in others)]
    for file in (file for file in files if file.suffix == ".py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _MARKED and node.args:
                text = node.args[node.func.id.startswith("pgettext")]  # the context comes first
                if isinstance(text, ast.Constant) and isinstance(text.value, str):
                    yield text.value
    for file in (file for file in files if file.suffix in {".html", ".txt"}):
        for text in _IN_TEMPLATE.findall(templatize(file.read_text())):
            yield ast.literal_eval(text)


class Entry(NamedTuple):
    context: str
    text: str
    korean: str


def _entries(catalogue: Path) -> list[Entry]:
    _, body = catalogue.read_text().split("\n\n", 1)
    # A long text may be split over several lines.
    found = _ENTRY.findall(re.sub(r'"\n"', "", body))
    assert len(found) == len(re.findall(r"^msgid ", body, re.MULTILINE))
    return [Entry(context, ast.literal_eval(text), ast.literal_eval(korean)) for context, text, korean in found]
