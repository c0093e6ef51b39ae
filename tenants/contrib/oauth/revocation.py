"""Revocation of tokens. The row of an access token is deleted, and a trigger records its id as revoked."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import Q
from django.db.models.signals import post_delete, post_save
from django.utils import timezone

from tenants.context import current_tenant
from tenants.contrib.oauth.api_keys import revoke_api_key
from tenants.contrib.oauth.key_cache import key_cache
from tenants.contrib.oauth.models import AccessToken, ApiKey, Application, Grant, RefreshToken


def revoke_tokens(which: Q) -> int:
    """Revoke the codes and tokens that match a condition on `user` and `application`; return how many were valid.

    In this process they are invalid after the transaction, in others after its notification, within a second.
    """
    now = timezone.now()
    with transaction.atomic():
        Grant.objects.filter(which).delete()
        RefreshToken.objects.filter(which, revoked=None).update(revoked=now, updated=now)
        valid: int = AccessToken.objects.filter(which, expires__gt=now).count()
        AccessToken.objects.filter(which).delete()
    return valid


def connect() -> None:
    """Connect the signals that revoke tokens of deactivated users and clients, and update the cache."""
    post_save.connect(_revoke_of_user, sender=get_user_model(), dispatch_uid="tenants.contrib.oauth")
    post_save.connect(_revoke_of_client, sender=Application, dispatch_uid="tenants.contrib.oauth")
    post_delete.connect(_revoke_in_cache, sender=AccessToken, dispatch_uid="tenants.contrib.oauth")


def _revoke_of_user(*, instance: Any, created: bool, **_: object) -> None:
    tenant = current_tenant()
    if not created and not instance.is_active and not tenant.is_platform:
        with transaction.atomic():
            revoke_tokens(Q(user=instance))
            # For good, like the tokens: reactivating a user does not restore them.
            for key in ApiKey.objects.filter(user=instance, revoked=None):
                revoke_api_key(key)


def _revoke_of_client(*, instance: Application, created: bool, **_: object) -> None:
    if not created and not instance.is_active:
        revoke_tokens(Q(application=instance))


def _revoke_in_cache(*, instance: AccessToken, **_: object) -> None:
    if instance.expires > timezone.now():
        transaction.on_commit(partial(key_cache.revoke, current_tenant().schema, instance.jti.hex))
