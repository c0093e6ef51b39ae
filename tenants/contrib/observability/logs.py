"""Logging: JSON formatter, filters that add the request id and remove secrets, and the access log."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Any, cast

from django.http import HttpRequest

from tenants.contrib.observability.conf import observability_settings
from tenants.contrib.observability.request_context import RequestContext, current_request_context
from tenants.redaction import loggable_path, redact_link_tokens, redact_secrets

_access = logging.getLogger("tenants.access")
_formatter = logging.Formatter()


class JsonFormatter(logging.Formatter):
    """Formats a record as one JSON object, with its tenant and request."""

    def format(self, record: logging.LogRecord) -> str:
        data: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": redact_secrets(record.getMessage()),
            "process": observability_settings().service,
            "tenant": getattr(record, "tenant", "-"),
        }
        if context := context_of_record(record):
            data |= {"request_id": context.request_id, "trace_id": context.trace_id}
        data |= getattr(record, "data", {})
        if record.exc_info:
            data["exception"] = redact_secrets(self.formatException(record.exc_info))
        return json.dumps(data, ensure_ascii=False, default=str)


class RedactionLogFilter(logging.Filter):
    """Removes secret links and passwords of the settings from records of other loggers.

    Django logs the path of each 4xx and 5xx response; database drivers quote connection strings.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        if record.exc_info and not record.exc_text:
            record.exc_text = redact_secrets(_formatter.formatException(record.exc_info))
        message = record.getMessage()
        if (redacted := redact_secrets(message)) != message:
            record.msg, record.args = redacted, ()
        if isinstance(record.args, tuple):
            record.args = tuple(redact_link_tokens(part) if isinstance(part, str) else part for part in record.args)
        return True


class RequestIdLogFilter(logging.Filter):
    """Sets `in_request` on every record: " (request ID)", or an empty string outside a request."""

    def filter(self, record: logging.LogRecord) -> bool:
        context = None if hasattr(record, "data") else context_of_record(record)  # the access log has the id itself
        record.in_request = f" (request {context.request_id})" if context else ""
        return True


def context_of_record(record: logging.LogRecord) -> RequestContext | None:
    """Return the context of the request that a record is about.

    A request that was refused before it got a context gets one now, so that all its records have the same id.
    """
    if context := getattr(record, "context", None):
        return cast(RequestContext, context)
    request = getattr(record, "request", None)
    if not isinstance(request, HttpRequest):
        return current_request_context()
    if not hasattr(request, "context"):
        request.context = current_request_context() or RequestContext.new()  # type: ignore[attr-defined]
    return cast(RequestContext, request.context)  # type: ignore[attr-defined]


def access_log_enabled() -> bool:
    return _access.isEnabledFor(logging.INFO)


def log_request(
    context: RequestContext, tenant: str, method: str, path: str, status: int, seconds: float, **more: Any
) -> None:
    """Write one line of the access log, at INFO. `path` is as in the request line."""
    if not access_log_enabled():
        return
    path = loggable_path(path)
    data = {"method": method, "path": path, "status": status, "milliseconds": round(seconds * 1000, 1), **more}
    extra = {"tenant": tenant, "context": context, "data": data}
    _access.info("%s %s %s %.1f ms %s", method, path, status, seconds * 1000, context.request_id, extra=extra)
