"""`Set-Cookie` headers of foreign code, parsed as browsers do (RFC 6265 §5.2). Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


@dataclass(frozen=True, slots=True)
class SetCookie:
    """One cookie that a response sets."""

    name: str
    value: str
    attributes: tuple[tuple[str, str], ...] = ()
    """Names and values in their order; a value may be empty."""

    def attribute(self, name: str) -> str | None:
        """Return the value of an attribute, or None. Of several, browsers take the last."""
        found = [value for key, value in self.attributes if key.lower() == name]
        return found[-1] if found else None

    @property
    def path(self) -> str:
        """The path below which it is sent back; empty: where it was set."""
        path = self.attribute("path") or ""
        return path if path.startswith("/") else ""

    @property
    def has_domain(self) -> bool:
        """Whether it has the attribute Domain. Without it, browsers send the cookie only to the host that set it."""
        return self.attribute("domain") is not None

    def moved(self, name: str, path: str) -> SetCookie:
        """Return the same cookie under another name and path."""
        others = tuple(pair for pair in self.attributes if pair[0].lower() != "path")
        return replace(self, name=name, attributes=(*others, ("Path", path)))

    def __str__(self) -> str:
        pairs = [f"{name}={value}" if value else name for name, value in self.attributes]
        return "; ".join([f"{self.name}={self.value}", *pairs])


def read_set_cookie(header: str) -> SetCookie | None:
    """Return the cookie of a header, or None if browsers parse it in different ways."""
    if _CONTROL.search(header):
        return None
    first, *others = header.split(";")
    name, equals, value = first.partition("=")
    name = name.strip()
    if not equals or not _NAME.fullmatch(name):
        return None
    pairs = [other.partition("=") for other in others if other.strip()]
    return SetCookie(name, value.strip(), tuple((key.strip(), said.strip()) for key, _, said in pairs))
