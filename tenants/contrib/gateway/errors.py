"""What the gateway answers by itself: problem details (RFC 9457), with the id of the request."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping

from aiohttp import web

from tenants.contrib.observability.request_context import REQUEST_ID
from tenants.contrib.services.errors import ServiceFailed
from tenants.http.problem_details import title_of


class Refused(Exception):
    """A request goes no further. `kind` is one word for programs, as in the API's problems."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        kind: str = "",
        headers: Mapping[str, str] | None = None,
        hang_up: bool = False,
        is_spread: bool = False,
    ) -> None:
        super().__init__(status, detail)
        self.status = status
        self.detail = detail
        self.kind = kind
        self.headers = dict(headers or {})
        self.hang_up = hang_up
        """Whether the connection is closed: nobody can tell where the next request would begin."""
        self.is_spread = is_spread
        """Whether it is sent some time after others like it: `SpreadRefusals`."""


def refusal_of(error: ServiceFailed) -> Refused:
    """Return the answer to a request whose service gave none."""
    headers = {"Retry-After": str(math.ceil(error.retry_after))} if error.retry_after else {}
    return Refused(error.status, str(error), kind=_KINDS[error.status], headers=headers)


_KINDS = {502: "service-failed", 503: "service-unavailable", 504: "service-timed-out"}


def problem(refused: Refused, request_id: str, path: str) -> web.Response:
    """Return a refusal as a response."""
    kind = refused.kind
    body = {
        "type": f"urn:sangga:problem:{kind}" if kind else "about:blank",
        "title": title_of(refused.status, kind),
        "status": refused.status,
        "detail": refused.detail,
        "instance": path,
        "request_id": request_id,
    }
    response = web.Response(
        status=refused.status,
        body=json.dumps(body, ensure_ascii=False).encode(errors="replace"),
        headers={
            **refused.headers,
            "Content-Type": "application/problem+json; charset=utf-8",
            "Cache-Control": "no-store",
            REQUEST_ID: request_id,
        },
    )
    if refused.hang_up:
        response.force_close()
    return response
