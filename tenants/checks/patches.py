"""Patches of Django whose original has other parameters in the installed version."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import get_version
from django.core.checks import CheckMessage, Error, Tags, register

from tenants.isolation.patches import mismatches


@register(Tags.compatibility)
def check_patches(**_: Any) -> Iterable[CheckMessage]:
    for mismatch in mismatches():
        yield Error(
            f"A patch does not fit Django {get_version()}: {mismatch}",
            hint="Use a version of Django that this version of tenants supports (README.md).",
            id="tenants.E030",
        )
