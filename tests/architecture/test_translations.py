"""Korean catalogues: each app translates its own texts, no entry is left over, and a shop has one name."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ENGINE, CONTRIB = ROOT / "tenants", ROOT / "tenants" / "contrib"
CATALOGUE = "locale/ko/LC_MESSAGES/django.po"
FUNCTIONS = {"_", "gettext", "gettext_lazy", "gettext_noop", "ngettext", "ngettext_lazy", "pgettext"}
IN_TEMPLATES = re.compile(
    r"(?:{% translate |_\()\"(?P<text>.*?)\"|{% blocktranslate(?P<options>[^%]*)%}(?P<block>.*?){% endblocktranslate",
    re.DOTALL,
)
OTHERS = {"accounts"}  # its catalogue also has texts of Django and Unfold


def texts_in(file: Path) -> Iterator[str]:
    """Yield the texts of a Python module or template that are translated."""
    source = file.read_text()
    if file.suffix != ".py":
        for found in IN_TEMPLATES.finditer(source):
            if found["text"] is not None:
                yield found["text"]
            else:
                block = found["block"].split("{% plural %}")[0]
                block = (
                    " ".join(line.strip() for line in block.split("\n")).strip()
                    if "trimmed" in found["options"]
                    else block
                )
                yield re.sub(r"{{ (\w+) }}", r"%(\1)s", block)
        return
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and getattr(node.func, "id", None) in FUNCTIONS:
            text = node.args[0]
            if isinstance(text, ast.Constant) and isinstance(text.value, str):
                yield text.value


def texts_of(folder: Path) -> set[str]:
    files = [file for pattern in ("*.py", "*.html", "*.txt") for file in folder.rglob(pattern)]
    own = [
        file for file in files if "migrations" not in file.parts and (folder != ENGINE or CONTRIB not in file.parents)
    ]
    return {text for file in own for text in texts_in(file)}


def entries_of(folder: Path) -> dict[str, str]:
    source = (folder / CATALOGUE).read_text() if (folder / CATALOGUE).exists() else ""
    found = re.findall(
        r'^msgid ((?:".*"\n)+)(?:msgid_plural .*\n)?msgstr(?:\[0\])? ((?:".*"\n?)+)', source, re.MULTILINE
    )
    unquoted = [
        ["".join(ast.literal_eval(line) for line in part.split("\n") if line) for part in pair] for pair in found
    ]
    return {text: korean for text, korean in unquoted if text}


APPS = [ENGINE, *(app for app in sorted(CONTRIB.iterdir()) if (app / "apps.py").exists())]


@pytest.mark.parametrize("folder", APPS, ids=lambda folder: folder.name)
def test_catalogue_has_all_texts_of_its_app_and_no_others(folder: Path) -> None:
    texts, entries = texts_of(folder), entries_of(folder)
    assert sorted(texts - set(entries)) == []
    assert [text for text, korean in entries.items() if not korean] == []
    if folder.name not in OTHERS:
        assert sorted(set(entries) - texts) == []


def test_korean_has_one_word_for_a_shop() -> None:
    sources = "".join(file.read_text() for file in ROOT.glob(f"*/**/{CATALOGUE}") if ".venv" not in file.parts)
    assert re.findall("가게|상점|쇼핑몰", sources) == []
