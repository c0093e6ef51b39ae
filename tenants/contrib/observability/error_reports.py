"""Error reports, Django's debug page and mails to admins, with secrets redacted.

The settings `DEFAULT_EXCEPTION_REPORTER` and `DEFAULT_EXCEPTION_REPORTER_FILTER` name these classes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from traceback import walk_tb
from typing import Any

from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.views.debug import SafeExceptionReporterFilter

from tenants.http.error_reports import TenantExceptionReporter
from tenants.redaction import (
    MASK,
    SECRET_NAMES,
    find_secrets,
    pattern_for,
    redact_known_secrets,
    redact_link_tokens,
    redact_secrets,
)

_MAX_DEPTH = 6


class ReporterFilter(SafeExceptionReporterFilter):
    """Redacts by name, as Django does, and by value: a URL with a password may have any name."""

    cleansed_substitute = MASK
    hidden_settings = re.compile(
        f"{SafeExceptionReporterFilter.hidden_settings.pattern}|{SECRET_NAMES.pattern}", flags=re.IGNORECASE
    )

    def cleanse_setting(self, key: Any, value: Any) -> Any:
        return _redacted_text(super().cleanse_setting(key, value))

    def get_safe_cookies(self, request: HttpRequest) -> dict[str, Any]:
        """Return the names of the cookies without values: a session cookie logs its holder in."""
        return dict.fromkeys(getattr(request, "COOKIES", {}), MASK)

    def get_post_parameters(self, request: HttpRequest | None) -> dict[str, Any]:
        """Return the POST data without passwords, also those that no view has marked as sensitive."""
        found: Any = super().get_post_parameters(request)
        return {name: MASK if SECRET_NAMES.search(name) else _redacted_text(value) for name, value in found.items()}

    def get_traceback_frame_variables(self, request: HttpRequest | None, tb_frame: Any) -> Any:
        """Return the local variables of a frame; redacted in debug mode as well."""
        found = super().get_traceback_frame_variables(request, tb_frame)
        return [(name, _redacted(name, value)) for name, value in found]


class Reporter(TenantExceptionReporter):
    """Redacts representations of objects and messages of exceptions, too."""

    def get_traceback_data(self) -> dict[str, Any]:
        data: dict[str, Any] = super().get_traceback_data()
        for frame in data["frames"]:
            if "vars" in frame:
                frame["vars"] = [(name, redact_secrets(text)) for name, text in frame["vars"]]
            if frame.get("exc_cause"):
                frame["exc_cause"] = redact_secrets(str(frame["exc_cause"]))
        for name in ("exception_value", "exception_notes", "unicode_hint"):
            if data.get(name):
                data[name] = redact_secrets(str(data[name]))  # the exception itself from Django 6.1 on
        if data.get("request_insecure_uri"):
            data["request_insecure_uri"] = redact_secrets(data["request_insecure_uri"])
            data["request_GET_items"] = _redacted_items(data["request_GET_items"])
        return data

    def get_traceback_html(self) -> SafeString:
        return self._without_variables(redact_known_secrets(super().get_traceback_html()))

    def get_traceback_text(self) -> SafeString:
        return self._without_variables(redact_secrets(super().get_traceback_text()))

    def _without_variables(self, report: str) -> SafeString:
        """Return a report without values that were redacted by name and occur elsewhere in it as well."""
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


def _redacted_items(items: Iterable[tuple[str, Any]]) -> list[tuple[str, Any]]:
    return [(name, MASK if SECRET_NAMES.search(name) else _redacted_text(value)) for name, value in items]


def _redacted(name: str, value: Any, depth: int = 0) -> Any:
    """Return a redacted variable; items of a container are redacted by their names."""
    try:
        if issubclass(type(value), (str, bytes)):
            return MASK if SECRET_NAMES.search(name) else _redacted_text(value)
        if type(value) is dict and depth < _MAX_DEPTH:
            return {key: _redacted(str(key), each, depth + 1) for key, each in value.items()}
        if type(value) in {list, tuple} and depth < _MAX_DEPTH:
            return type(value)(_redacted(name, each, depth + 1) for each in value)
    except Exception as error:  # broken objects must not hide the report
        return f"{type(error).__name__} while reading it"
    return value


def _redacted_text(value: Any) -> Any:
    return redact_secrets(value) if issubclass(type(value), str) else value
