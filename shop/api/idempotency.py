"""Doing a request once, however often it is sent: `Idempotency-Key`, with the answer kept in the shop's schema."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import Annotated

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Header

from shop.orders.models import IdempotentResponse
from tenants.contrib.api.auth import Access
from tenants.contrib.api.errors import APIError, ErrorDetail

KEEP_RESPONSES_FOR = timedelta(hours=24)
_FORGOTTEN_AT_ONCE = 100
_KEPT_HEADERS = ("ETag", "Location")

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[!-~]+$",
        description="A text of your own, new for each order, such as a UUID: sent again with it, it is placed once.",
    ),
]
"""The type of a parameter `idempotency_key`."""


def idempotent(request: HttpRequest, key: str | None, do: Callable[[], HttpResponse]) -> HttpResponse:
    """Return what `do` answers, or what it answered to the same request with the same key before.

    All of it is one transaction: a second request with the key waits for the first. What `do` raises is not kept,
    since it has changed nothing: the same request may succeed later. Raises `APIError` (422) for another request with
    the key.
    """
    if key is None:
        return do()
    digest = _digest(request)
    with transaction.atomic():
        _forget_old()
        kept, is_new = IdempotentResponse.objects.get_or_create(
            sender=_sender(request), key=key, defaults={"request": digest}
        )
        if not is_new:
            return _again(kept, digest)
        answer = do()
        kept.status, kept.body = answer.status_code, answer.content
        kept.headers = {name: answer[name] for name in ("Content-Type", *_KEPT_HEADERS) if name in answer}
        kept.save()
    return answer


def _again(kept: IdempotentResponse, digest: str) -> HttpResponse:
    if kept.request != digest:
        reason = "The key came with another request before. Choose a new one for each order."
        errors = [ErrorDetail(("header", "Idempotency-Key"), reason, "reused")]
        raise APIError(422, reason, kind="idempotency-key-reused", errors=errors)
    return HttpResponse(bytes(kept.body), status=kept.status, headers={**kept.headers, "Idempotent-Replayed": "true"})


def _digest(request: HttpRequest) -> str:
    return hashlib.sha256(f"{request.method} {request.path}\n".encode() + request.body).hexdigest()


def _sender(request: HttpRequest) -> str:
    """Return whose key it is. Strangers share theirs: only who knows key and order both gets an answer again."""
    access: Access = request.auth
    if access.user is None:
        return f"client {access.client_id}"[:100]
    return f"user {access.user.pk}" if access.user.is_authenticated else "stranger"


def _forget_old() -> None:
    old = IdempotentResponse.objects.filter(created_at__lt=timezone.now() - KEEP_RESPONSES_FOR)
    some = old.select_for_update(skip_locked=True).values("pk")[:_FORGOTTEN_AT_ONCE]
    IdempotentResponse.objects.filter(pk__in=list(some.values_list("pk", flat=True))).delete()
