"""What a service answered to a call of another one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tenants.contrib.services.errors import ServiceFailed


@dataclass(frozen=True, slots=True)
class Reply:
    """What a service answered, whatever its status."""

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
        """The body as UTF-8; what is none is replaced."""
        return self.body.decode(errors="replace")

    def json(self) -> Any:
        """Return the body as JSON has it; raise `ValueError` if it is none."""
        return json.loads(self.body)

    def expect_ok(self) -> Reply:
        """Return the reply itself; raise `ServiceFailed` if its status is 400 or more."""
        if not self.ok:
            raise ServiceFailed(self.service, f"answered with {self.status}: {self.text[:200]}", self.status)
        return self
