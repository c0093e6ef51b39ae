"""Paths as they may stand in logs and traces, where more people read than may come in. Pure."""

from __future__ import annotations

import re
import string
from urllib.parse import quote

# Links that let somebody in: what sets a password, and an operator's way into a shop.
_SECRETS = re.compile(r"(/account/set-password/[^/]+/|/operator/enter/)[^/]+")


def shown_path(path: str) -> str:
    """Return a path in one line, and without the secret of a link.

    It is taken as it stood on the request line; whatever cannot stand there is quoted, so that it begins no line of its
    own.
    """
    return without_secrets(quote(path, safe=string.punctuation, errors="replace"))


def without_secrets(text: str) -> str:
    """Return a text with `…` in the place of what makes a link in it work."""
    return _SECRETS.sub(r"\1…", text)
