"""Passwords and keys taken out of texts that more people read than may know them: error reports, logs, output."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any
from urllib.parse import unquote

from django.conf import settings
from django.core.signals import setting_changed

STARS = "********"
_SHORTEST = 6
"""Characters of a value that is looked for by itself; a shorter one is part of too many words."""
_MOST = 20_000
"""Values that are looked at for secrets, of one report."""

NAMES = re.compile(
    r"(?:^|_)PASS$|PASS(?:W|PHRASE|_?CODE)|SECRET|TOKEN|CREDENTIAL|AUTHORIZATION|COOKIE|SIGNATURE|IDENTITY$"
    r"|(?:API|PRIVATE|SIGNING|ACCESS|ENCRYPTION|SERVICE)_?KEY|CONNINFO|(?:^|_)DSN$",
    re.IGNORECASE,
)
"""What the names have in common under which passwords, keys and the like are kept."""

# All repetitions are bounded: texts of strangers, as paths in logs, are looked through as well.
_NAME = r"(?:passw(?:or)?d|passphrase|secret|token|api_?key|private_?key)\w{0,30}"
_QUOTED = r"""b?'(?:[^'\\]|\\.){0,1000}'|b?"(?:[^"\\]|\\.){0,1000}\""""
_USER = r"""[^\s:@/'"]{0,200}"""
_PATTERNS = (
    # In a URL of a web page a colon may stand before a later @: `http://localhost:8000/x@y`.
    (re.compile(rf"""(https?://{_USER}):[^\s@/'"]{{0,500}}@""", re.IGNORECASE), rf"\1:{STARS}@"),
    # In others, a password that should have been quoted may hold a slash or another @.
    (re.compile(rf"""((?<!http)(?<!https)://{_USER}):[^\s'"]{{0,500}}@""", re.IGNORECASE), rf"\1:{STARS}@"),
    (re.compile(rf"""({_NAME}\s?=\s?)(?:{_QUOTED}|[^\s'",;)}}]{{1,500}})""", re.IGNORECASE), rf"\1{STARS}"),
    (re.compile(rf"""({_NAME}['"]\s?:\s?)(?:{_QUOTED})""", re.IGNORECASE), rf"\1'{STARS}'"),
)
_PASSWORD_IN_URL = re.compile(rf"""://{_USER}:([^\s'"]{{1,500}})@""")
_PASSWORD_IN_CONNINFO = re.compile(r"\bpassword\s?=\s?(?:'((?:[^'\\]|\\.)*)'|(\S+))", re.IGNORECASE)


_ABOUT_A_SECRET = re.compile(
    r"_(?:NAME|FIELD|HASHERS|VALIDATORS|PARAMETERS|AGE|PATH|DOMAIN|SAMESITE|HEADER|URL|TIMEOUT|CLASS|MODEL|GENERATOR)$"
    r"|_BACKENDS?$|FUNCTION"
)
"""What the names of settings have in common that say where a secret is, or how long it is good, and hold none."""


def without_passwords(text: str) -> str:
    """Return a text with stars in the place of passwords and keys: of those that the settings hold, and of others
    that stand in a URL or behind a name such as `password=`."""
    text = without_known_values(text)
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


def without_known_values(text: str) -> str:
    """Return a text with stars in the place of the passwords and keys that settings and environment hold."""
    known = _known_values()
    return known.sub(STARS, text) if known else text


@cache
def _known_values() -> re.Pattern[str] | None:
    values = secrets_in([_settings(), os.environ])
    database = settings.DATABASES.get("default", {})
    # Of a developer's database, as `postgres:postgres@…`: the word is not secret, and everywhere.
    return pattern_of(values - {str(database.get("USER", "")), str(database.get("NAME", ""))})


def _settings() -> dict[str, Any]:
    return {name: getattr(settings, name) for name in dir(settings) if name.isupper()}


def pattern_of(values: set[str]) -> re.Pattern[str] | None:
    """Return a pattern for any of `values`, but for short ones; None if there is none."""
    both = values | {unquote(value) for value in values}
    long = sorted((value for value in both if len(value) >= _SHORTEST), key=len, reverse=True)
    return re.compile("|".join(rf"(?<!\w){re.escape(value)}(?!\w)" for value in long)) if long else None


def secrets_in(values: Iterable[Any]) -> set[str]:
    """Return the secret texts in values: what a mapping has under a name of that kind, and passwords in URLs."""
    found: set[str] = set()
    left: list[tuple[str, Any]] = [("", value) for value in values]
    seen: set[tuple[str, int]] = set()  # a container may hold itself
    while left and len(seen) < _MOST:
        name, value = left.pop()
        if (name, id(value)) in seen:
            continue
        seen.add((name, id(value)))
        kind = type(value)  # not `isinstance`: a lazy object would be made, which may hang on the active tenant
        if issubclass(kind, Mapping):
            left += [(str(key), each) for key, each in value.items()]
        elif issubclass(kind, (list, tuple)):
            left += [(name, each) for each in value]
        elif issubclass(kind, str):
            found |= _secrets_of(name, value)
        elif issubclass(kind, bytes):
            found |= _secrets_of(name, value.decode(errors="replace"))
        elif kind.__name__ == "TenantSecretKey":
            found |= _secrets_of(name, value.root)
    return found


def _secrets_of(name: str, value: str) -> set[str]:
    found = {*_PASSWORD_IN_URL.findall(value), *map("".join, _PASSWORD_IN_CONNINFO.findall(value))}
    return found | {value} if _names_a_secret(name) else found


def _names_a_secret(name: str) -> bool:
    is_secret = NAMES.search(name) or re.search(r"SECRET_KEY|(?:^|_)KEY$", name)
    return bool(is_secret) and not _ABOUT_A_SECRET.search(name)


def _read_again(*, setting: str, **_: object) -> None:
    _known_values.cache_clear()


setting_changed.connect(_read_again, dispatch_uid="tenants.redaction")
