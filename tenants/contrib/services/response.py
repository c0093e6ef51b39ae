"""Response of a service to a call of the service client."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tenants.contrib.services.errors import ServiceFailed


@dataclass(frozen=True, slots=True)
class ServiceResponse:
    """A complete response of any status."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    service: str

    @property
    def ok(self) -> bool:
        """Whether the status is below 400."""
        return self.status < 400

    @property
    def text(self) -> str:
        """The body as UTF-8, with replacement characters for invalid bytes."""
        return self.body.decode(errors="replace")

    def json(self) -> Any:
        """Return the body as parsed JSON; raise `ValueError` for anything else."""
        return json.loads(self.body)

    def raise_for_status(self) -> ServiceResponse:
        """Return the response itself; raise `ServiceFailed` if its status is 400 or more."""
        if not self.ok:
            raise ServiceFailed(self.service, f"answered with {self.status}: {self.text[:200]}", self.status)
        return self
