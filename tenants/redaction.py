"""Redaction of passwords, keys and login links in logs, traces, error reports and output."""

from __future__ import annotations

import os
import re
import string
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, unquote

from django.conf import settings

from tenants.settings_cache import cached_from

MASK = "********"
_MIN_LENGTH = 6
"""Minimum length of a secret value that is redacted wherever it occurs; a shorter one is part of many words."""
_MAX_VALUES = 20_000
"""Values of one report that are searched for secrets."""

SECRET_NAMES = re.compile(
    r"(?:^|_)PASS$|PASS(?:W|PHRASE|_?CODE)|SECRET|TOKEN|CREDENTIAL|AUTHORIZATION|COOKIE|SIGNATURE|IDENTITY$"
    r"|(?:API|PRIVATE|SIGNING|ACCESS|ENCRYPTION|SERVICE)_?KEY|CONNINFO|(?:^|_)DSN$",
    re.IGNORECASE,
)
"""Names of settings, variables and headers with secret values."""
_HARMLESS_NAMES = re.compile(
    r"_(?:NAME|FIELD|HASHERS|VALIDATORS|PARAMETERS|AGE|PATH|DOMAIN|SAMESITE|HEADER|URL|TIMEOUT|CLASS|MODEL|GENERATOR)$"
    r"|_BACKENDS?$|FUNCTION"
)
"""Names of settings about a secret, such as its file or its age."""

# All repetitions are bounded: the texts may be an attacker's, as paths in logs.
_NAME = r"(?:passw(?:or)?d|passphrase|secret|token|api_?key|private_?key)\w{0,30}"
_QUOTED = r"""b?'(?:[^'\\]|\\.){0,1000}'|b?"(?:[^"\\]|\\.){0,1000}\""""
_USER = r"""[^\s:@/'"]{0,200}"""
_PATTERNS = (
    # The colon of a port can precede an @ in the path: `http://localhost:8000/x@y`.
    (re.compile(rf"""(https?://{_USER}):[^\s@/'"]{{0,500}}@""", re.IGNORECASE), rf"\1:{MASK}@"),
    # In others, a password that should have been quoted may hold a slash or another @.
    (re.compile(rf"""((?<!http)(?<!https)://{_USER}):[^\s'"]{{0,500}}@""", re.IGNORECASE), rf"\1:{MASK}@"),
    (re.compile(rf"""({_NAME}\s?=\s?)(?:{_QUOTED}|[^\s'",;)}}]{{1,500}})""", re.IGNORECASE), rf"\1{MASK}"),
    (re.compile(rf"""({_NAME}['"]\s?:\s?)(?:{_QUOTED})""", re.IGNORECASE), rf"\1'{MASK}'"),
)
_PASSWORD_IN_URL = re.compile(rf"""://{_USER}:([^\s'"]{{1,500}})@""")
_PASSWORD_IN_CONNINFO = re.compile(r"\bpassword\s?=\s?(?:'((?:[^'\\]|\\.)*)'|(\S+))", re.IGNORECASE)
_LINK_TOKENS = re.compile(r"(/account/set-password/[^/]+/|/operator/enter/)[^/]+")
"""In links that set a password, and in an operator's one-time link into a shop."""


def loggable_path(path: str) -> str:
    """Return a path of a request line without the tokens of links, quoted so that it stays on one line."""
    return redact_link_tokens(quote(path, safe=string.punctuation, errors="replace"))


def redact_link_tokens(text: str) -> str:
    return _LINK_TOKENS.sub(r"\1…", text)


def redact_secrets(text: str) -> str:
    """Replace passwords and keys: those of the settings, and others in a URL or after a name such as `password=`."""
    text = redact_known_secrets(text)
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


def redact_known_secrets(text: str) -> str:
    """Replace the passwords and keys of settings and environment."""
    known = _known_secrets()
    return known.sub(MASK, text) if known else text


@cached_from()  # any setting
def _known_secrets() -> re.Pattern[str] | None:
    values = find_secrets([_settings(), os.environ])
    database = settings.DATABASES.get("default", {})
    # In `postgres:postgres@…` of a development database the password is a common word, not a secret.
    return pattern_for(values - {str(database.get("USER", "")), str(database.get("NAME", ""))})


def _settings() -> dict[str, Any]:
    return {name: getattr(settings, name) for name in dir(settings) if name.isupper()}


def pattern_for(values: set[str]) -> re.Pattern[str] | None:
    """Return a pattern for all `values` that are long enough, as they are and URL-decoded; None if there are none."""
    both = values | {unquote(value) for value in values}
    long = sorted((value for value in both if len(value) >= _MIN_LENGTH), key=len, reverse=True)
    return re.compile("|".join(rf"(?<!\w){re.escape(value)}(?!\w)" for value in long)) if long else None


def find_secrets(values: Iterable[Any]) -> set[str]:
    """Return what mappings inside `values` have under secret names, and passwords in URLs."""
    found: set[str] = set()
    left: list[tuple[str, Any]] = [("", value) for value in values]
    seen: set[tuple[str, int]] = set()  # a container may contain itself
    while left and len(seen) < _MAX_VALUES:
        name, value = left.pop()
        if (name, id(value)) in seen:
            continue
        seen.add((name, id(value)))
        kind = type(value)  # not `isinstance`, which evaluates a lazy object; that may need the active tenant
        if issubclass(kind, Mapping):
            left += [(str(key), each) for key, each in value.items()]
        elif issubclass(kind, (list, tuple)):
            left += [(name, each) for each in value]
        elif issubclass(kind, str):
            found |= _secrets_in(name, value)
        elif issubclass(kind, bytes):
            found |= _secrets_in(name, value.decode(errors="replace"))
        elif kind.__name__ == "TenantSecretKey":
            found |= _secrets_in(name, value.root)
    return found


def _secrets_in(name: str, value: str) -> set[str]:
    found = {*_PASSWORD_IN_URL.findall(value), *map("".join, _PASSWORD_IN_CONNINFO.findall(value))}
    return found | {value} if _is_secret_name(name) else found


def _is_secret_name(name: str) -> bool:
    is_secret = SECRET_NAMES.search(name) or re.search(r"SECRET_KEY|(?:^|_)KEY$", name)
    return bool(is_secret) and not _HARMLESS_NAMES.search(name)
