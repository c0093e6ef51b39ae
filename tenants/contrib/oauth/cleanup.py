"""Taking away what is expired, and nobody needs any more to tell that it is void."""

from __future__ import annotations

from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from oauth2_provider.models import refresh_token_expire_timedelta

from tenants.contrib.oauth.models import AccessToken, Grant, RefreshToken, RevokedToken, SigningKey

_BATCH = 2_000


def clear_expired() -> int:
    """Delete the active tenant's rows that are over; return how many there were.

    A refresh token that was used stays as long as it could have lived: by it, a second use is told.
    """
    now = timezone.now()
    generations = refresh_token_expire_timedelta()
    dead = Q(revoked=None, access_token=None)
    if generations:
        dead |= Q(revoked__lt=now - generations) | Q(revoked=None, access_token__expires__lt=now - generations)
    can_go_on = RefreshToken.objects.filter(access_token=OuterRef("pk"), revoked=None)
    over: list[QuerySet[Any]] = [
        Grant.objects.filter(expires__lt=now),
        RefreshToken.objects.filter(dead),
        AccessToken.objects.filter(~Exists(can_go_on), expires__lt=now),
        RevokedToken.objects.filter(expires__lt=now),
        SigningKey.objects.filter(published_until__lt=now),
    ]
    return sum(_delete(rows) for rows in over)


def _delete(rows: QuerySet[Any]) -> int:
    """Delete rows in portions, each in a transaction of its own: requests wait for none of them long."""
    gone = 0
    while keys := list(rows.order_by("pk").values_list("pk", flat=True)[:_BATCH]):
        rows.model._base_manager.filter(pk__in=keys).delete()
        gone += len(keys)
    return gone
