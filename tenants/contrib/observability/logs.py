"""Logs as JSON, one object a line, for whoever collects them; and one line for every request that was answered."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Any, cast

from django.http import HttpRequest

from tenants.contrib.observability.conf import observability_settings
from tenants.contrib.observability.request_context import Call, current_call
from tenants.redaction import loggable_path, redact_link_tokens, redact_secrets

_access = logging.getLogger("tenants.access")
_formatter = logging.Formatter()


class JsonFormatter(logging.Formatter):
    """Writes what a record says, whose tenant it is about, and which request: for `LOGGING`'s formatters."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line."""
        said: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": redact_secrets(record.getMessage()),
            "process": observability_settings().service,
            "tenant": getattr(record, "tenant", "-"),
        }
        if call := call_of(record):
            said |= {"request_id": call.request_id, "trace_id": call.trace_id}
        said |= getattr(record, "facts", {})
        if record.exc_info:
            said["exception"] = redact_secrets(self.formatException(record.exc_info))
        return json.dumps(said, ensure_ascii=False, default=str)


class LinksLogFilter(logging.Filter):
    """Takes out of what others log the secret of a link, as Django logs the path at every 4xx and 5xx, and passwords
    of the settings, as drivers have them in their errors."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record through."""
        if record.exc_info and not record.exc_text:
            record.exc_text = redact_secrets(_formatter.formatException(record.exc_info))
        message = record.getMessage()
        if (shown := redact_secrets(message)) != message:
            record.msg, record.args = shown, ()
        if isinstance(record.args, tuple):
            record.args = tuple(redact_link_tokens(part) if isinstance(part, str) else part for part in record.args)
        return True


class RequestLogFilter(logging.Filter):
    """Gives every log record the attribute `in_request`: the id of the request that it is about, in words, or ""."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record through."""
        call = None if hasattr(record, "facts") else call_of(record)  # the line for each request has the id in it
        record.in_request = f" (request {call.request_id})" if call else ""
        return True


def call_of(record: logging.LogRecord) -> Call | None:
    """Return the call of the request that a record is about.

    A request that was turned away at once has none yet, and gets one: all that is said of it has the same id.
    """
    if call := getattr(record, "call", None):
        return cast(Call, call)
    request = getattr(record, "request", None)
    if not isinstance(request, HttpRequest):
        return current_call()
    if not hasattr(request, "call"):
        request.call = current_call() or Call.begin()  # type: ignore[attr-defined]
    return cast(Call, request.call)  # type: ignore[attr-defined]


def notes_requests() -> bool:
    """Tell whether anybody reads a line for each request."""
    return _access.isEnabledFor(logging.INFO)


def note_request(call: Call, tenant: str, method: str, path: str, status: int, seconds: float, **facts: Any) -> None:
    """Log a request that was answered, at INFO; costs nothing where nobody reads that.

    `path` is as it stood on the request line.
    """
    if not notes_requests():
        return
    path = loggable_path(path)
    said = {"method": method, "path": path, "status": status, "milliseconds": round(seconds * 1000, 1), **facts}
    extra = {"tenant": tenant, "call": call, "facts": said}
    _access.info("%s %s %s %.1f ms %s", method, path, status, seconds * 1000, call.request_id, extra=extra)
