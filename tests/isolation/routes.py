"""All URLs of a URLconf, with real values for their parameters."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.resolvers import RoutePattern

_PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")
_GROUP = re.compile(r"\(\?P<(\w+)>[^()]*\)")


@dataclass(frozen=True)
class Route:
    """One pattern of a URLconf, as it is written: `admin/goods/goods/<path:object_id>/change/`."""

    text: str
    callback: Any

    def path(self, values: Mapping[Any, Any]) -> str:
        """Return a URL of it. `values` are by model, for pages of an admin, or by the name of the parameter."""
        model = getattr(getattr(self.callback, "model_admin", None), "model", None)

        def value(name: str) -> str:
            if model is not None and name in {"object_id", "id"}:
                return str(values.get(model, 1))
            by_place = values.get((self.text.partition("/")[0], name))
            return str(by_place if by_place is not None else values.get(name, 1))

        return "/" + _PARAMETER.sub(lambda match: value(match[1]), self.text)


def routes_of(urlconf: Any) -> list[Route]:
    """Return all routes of a URLconf, each text once."""
    found = {route.text: route for route in _walk(get_resolver(urlconf).url_patterns, "")}
    return list(found.values())


def _walk(patterns: list[Any], before: str) -> Iterator[Route]:
    for pattern in patterns:
        text = before + _text_of(pattern)
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern.url_patterns, text)
        elif isinstance(pattern, URLPattern):
            yield Route(text, pattern.callback)


def _text_of(pattern: Any) -> str:
    text = str(pattern.pattern)
    if isinstance(pattern.pattern, RoutePattern):
        return text
    return _GROUP.sub(r"<\1>", text.removeprefix("^").removesuffix("$"))
