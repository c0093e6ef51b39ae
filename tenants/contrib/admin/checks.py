"""Check that operators have accounts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register

from tenants.isolation.app_placement import Placement, placement_of


@register(Tags.models)
def check_operators(**_: Any) -> Iterable[CheckMessage]:
    if placement_of(settings.AUTH_USER_MODEL.partition(".")[0]) is Placement.TENANT:
        yield Error(
            f"No operator can sign in to tenants.contrib.admin: {settings.AUTH_USER_MODEL} has tables in the tenants' "
            f"schemas alone.",
            hint="Move its app, django.contrib.auth and django.contrib.admin from TENANT_APPS to COMMON_APPS.",
            id="tenants.E033",
        )
