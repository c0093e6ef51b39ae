"""Deletion of expired codes, tokens and keys."""

from __future__ import annotations

from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from oauth2_provider.models import refresh_token_expire_timedelta

from tenants.contrib.oauth.models import AccessToken, Grant, RefreshToken, RevokedToken, SigningKey

_BATCH = 2_000


def clear_expired() -> int:
    """Delete the expired rows of the active tenant and return their number.

    A used refresh token stays until it would have expired, so that its reuse is detected.
    """
    now = timezone.now()
    lifetime = refresh_token_expire_timedelta()
    unusable = Q(revoked=None, access_token=None)
    if lifetime:
        unusable |= Q(revoked__lt=now - lifetime) | Q(revoked=None, access_token__expires__lt=now - lifetime)
    refreshable = RefreshToken.objects.filter(access_token=OuterRef("pk"), revoked=None)
    expired: list[QuerySet[Any]] = [
        Grant.objects.filter(expires__lt=now),
        RefreshToken.objects.filter(unusable),
        AccessToken.objects.filter(~Exists(refreshable), expires__lt=now),
        RevokedToken.objects.filter(expires__lt=now),
        SigningKey.objects.filter(published_until__lt=now),
    ]
    return sum(_delete(rows) for rows in expired)


def _delete(rows: QuerySet[Any]) -> int:
    """Delete rows in batches, each in its own transaction, so that no request waits long."""
    deleted = 0
    while keys := list(rows.order_by("pk").values_list("pk", flat=True)[:_BATCH]):
        rows.model._base_manager.filter(pk__in=keys).delete()
        deleted += len(keys)
    return deleted
