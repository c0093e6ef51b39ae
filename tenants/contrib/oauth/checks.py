"""System check that clones do not copy tokens and keys."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register

from tenants.conf import tenancy

_MODELS = [f"oauth.{name}" for name in ("Grant", "AccessToken", "RefreshToken", "SigningKey", "RevokedToken", "ApiKey")]


@register(Tags.security)
def check_copies(**_: Any) -> Iterable[CheckMessage]:
    excluded = {label.lower() for label in tenancy().clone_leaves_out}
    copied = [label for label in _MODELS if label.lower() not in excluded]
    if copied:
        yield Error(
            f"A clone of a tenant would contain its tokens and keys: {', '.join(copied)}.",
            hint="Add these models to TENANTS['CLONE_LEAVES_OUT'].",
            id="tenants.E025",
        )
