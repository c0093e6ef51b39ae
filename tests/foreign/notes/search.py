"""An index in memory, shared by all tenants by mistake, or kept by tenant."""

import os

from tenants import current_tenant

_words: dict[tuple[str, str], str] = {}


def _key(word: str) -> tuple[str, str]:
    is_careless = bool(os.environ.get("LIBRARY_CARELESS"))
    return ("everybody" if is_careless else current_tenant().schema, word)


def remember(word: str, text: str) -> None:
    _words[_key(word)] = text


def find(word: str) -> str:
    return _words.get(_key(word), "")
