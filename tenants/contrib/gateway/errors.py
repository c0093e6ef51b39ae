"""Error responses of the gateway itself: problem details (RFC 9457) with the request id."""

from __future__ import annotations

import math
from collections.abc import Mapping

from aiohttp import web

from tenants.contrib.observability.request_context import REQUEST_ID
from tenants.contrib.services.errors import ServiceFailed
from tenants.http.problem_details import PROBLEM_CONTENT_TYPE, problem_body

_KINDS = {502: "service-failed", 503: "service-unavailable", 504: "service-timed-out"}


class GatewayError(Exception):
    """A request is not forwarded. `kind` is the last part of the problem's type."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        kind: str = "",
        headers: Mapping[str, str] | None = None,
        close_connection: bool = False,
        is_paced: bool = False,
    ) -> None:
        super().__init__(status, detail)
        self.status = status
        self.detail = detail
        self.kind = kind
        self.headers = dict(headers or {})
        self.close_connection = close_connection
        """For requests after which the start of the next one is uncertain."""
        self.is_paced = is_paced
        """Whether `RejectionPacer` delays the response."""


def from_service_failure(error: ServiceFailed) -> GatewayError:
    headers = {"Retry-After": str(math.ceil(error.retry_after))} if error.retry_after else {}
    return GatewayError(error.status, str(error), kind=_KINDS[error.status], headers=headers)


def problem_response(error: GatewayError, request_id: str, path: str) -> web.Response:
    body = problem_body(error.status, error.detail, kind=error.kind, instance=path, request_id=request_id)
    headers = {
        **error.headers, "Content-Type": PROBLEM_CONTENT_TYPE, "Cache-Control": "no-store", REQUEST_ID: request_id
    }  # fmt: skip
    response = web.Response(status=error.status, body=body, headers=headers)
    if error.close_connection:
        response.force_close()
    return response
