"""Django's error reports – the debug page, and what admins get by mail – without passwords and keys.

`DEFAULT_EXCEPTION_REPORTER` and `DEFAULT_EXCEPTION_REPORTER_FILTER` name these classes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from traceback import walk_tb
from typing import Any

from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.views.debug import ExceptionReporter, SafeExceptionReporterFilter

from tenants.redaction import (
    MASK,
    SECRET_NAMES,
    find_secrets,
    pattern_for,
    redact_known_secrets,
    redact_link_tokens,
    redact_secrets,
)

_DEEPEST = 6


class ReporterFilter(SafeExceptionReporterFilter):
    """Hides by name, as Django does, and by value: a URL with a password in it may have any name."""

    cleansed_substitute = MASK
    hidden_settings = re.compile(
        f"{SafeExceptionReporterFilter.hidden_settings.pattern}|{SECRET_NAMES.pattern}", flags=re.IGNORECASE
    )

    def cleanse_setting(self, key: Any, value: Any) -> Any:
        """Return a setting, or a value of the request's META, as it may be shown."""
        return _without(super().cleanse_setting(key, value))

    def get_safe_cookies(self, request: HttpRequest) -> dict[str, Any]:
        """Return the names of the cookies: with a session's, one is signed in."""
        return dict.fromkeys(getattr(request, "COOKIES", {}), MASK)

    def get_post_parameters(self, request: HttpRequest | None) -> dict[str, Any]:
        """Return what was posted, without passwords, whether a view has named them or not."""
        found: Any = super().get_post_parameters(request)
        return {name: MASK if SECRET_NAMES.search(name) else _without(value) for name, value in found.items()}

    def get_traceback_frame_variables(self, request: HttpRequest | None, tb_frame: Any) -> Any:
        """Return the local variables of a frame, debug mode or not."""
        found = super().get_traceback_frame_variables(request, tb_frame)
        return [(name, _shown(name, value)) for name, value in found]


class Reporter(ExceptionReporter):
    """Hides what the representations of objects and the messages of exceptions tell."""

    def get_traceback_data(self) -> dict[str, Any]:
        """Return what the report is made of."""
        data: dict[str, Any] = super().get_traceback_data()
        for frame in data["frames"]:
            if "vars" in frame:
                frame["vars"] = [(name, redact_secrets(text)) for name, text in frame["vars"]]
            if frame.get("exc_cause"):
                frame["exc_cause"] = redact_secrets(str(frame["exc_cause"]))
        for name in ("exception_value", "exception_notes", "unicode_hint"):
            if data.get(name):
                data[name] = redact_secrets(data[name])
        if data.get("request_insecure_uri"):
            data["request_insecure_uri"] = redact_secrets(data["request_insecure_uri"])
            data["request_GET_items"] = _shown_items(data["request_GET_items"])
        return data

    def get_traceback_html(self) -> SafeString:
        """Return the page."""
        return self._without_secrets(redact_known_secrets(super().get_traceback_html()))

    def get_traceback_text(self) -> SafeString:
        """Return the report for mails and for programs."""
        return self._without_secrets(redact_secrets(super().get_traceback_text()))

    def _without_secrets(self, report: str) -> SafeString:
        """Return a report without what was hidden by its name and stands elsewhere in it as well."""
        hidden = pattern_for(find_secrets(self._variables()))
        return SafeString(redact_link_tokens(hidden.sub(MASK, report) if hidden else report))

    def _variables(self) -> Iterator[dict[str, Any]]:
        error = self.exc_value
        seen: list[BaseException] = []
        while error is not None and error not in seen:
            seen.append(error)
            traceback = self.tb if error is self.exc_value else error.__traceback__
            yield from (dict(frame.f_locals) for frame, _ in walk_tb(traceback))
            error = self._get_explicit_or_implicit_cause(error)  # type: ignore[attr-defined]


def _shown_items(items: Iterable[tuple[str, Any]]) -> list[tuple[str, Any]]:
    return [(name, MASK if SECRET_NAMES.search(name) else _without(value)) for name, value in items]


def _shown(name: str, value: Any, depth: int = 0) -> Any:
    """Return a variable as it may be shown; of a container, its items by their names."""
    try:
        if issubclass(type(value), (str, bytes)):
            return MASK if SECRET_NAMES.search(name) else _without(value)
        if type(value) is dict and depth < _DEEPEST:
            return {key: _shown(str(key), each, depth + 1) for key, each in value.items()}
        if type(value) in {list, tuple} and depth < _DEEPEST:
            return type(value)(_shown(name, each, depth + 1) for each in value)
    except Exception as error:  # an object that cannot be looked at is still reported
        return f"{type(error).__name__} while looking at it"
    return value


def _without(value: Any) -> Any:
    return redact_secrets(value) if issubclass(type(value), str) else value
