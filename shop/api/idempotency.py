"""`Idempotency-Key`: a request that is sent again gets the response of the first one, kept in the shop's schema."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import Annotated

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Header

from shop.api.operations import access_of
from shop.orders.models import IdempotentResponse
from tenants.contrib.api.errors import APIError, ErrorDetail

KEEP_RESPONSES_FOR = timedelta(hours=24)
_MAX_DELETED = 100
_KEPT_HEADERS = ("Content-Type", "ETag", "Location")

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[!-~]+$",
        description="A new value for each order, such as a UUID. Requests with the same value place one order.",
    ),
]


def idempotent(request: HttpRequest, key: str | None, respond: Callable[[], HttpResponse]) -> HttpResponse:
    """Return what `respond` returns, or what it returned for the same request with the same key before.

    All of it is one transaction: a second request with the key waits for the first. An error that `respond` raises is
    not kept, so the request may succeed later. Raises `APIError` (422) if the key came with another request.
    """
    if key is None:
        return respond()
    digest = hashlib.sha256(f"{request.method} {request.path}\n".encode() + request.body).hexdigest()
    with transaction.atomic():
        _delete_old()
        kept, created = IdempotentResponse.objects.get_or_create(
            sender=_sender(request), key=key, defaults={"request": digest}
        )
        if not created:
            return _replay(kept, digest)
        response = respond()
        kept.status, kept.body = response.status_code, response.content
        kept.headers = {name: response[name] for name in _KEPT_HEADERS if name in response}
        kept.save()
    return response


def _replay(kept: IdempotentResponse, digest: str) -> HttpResponse:
    if kept.request != digest:
        reason = "The key was used for another request. Use a new key for each order."
        errors = [ErrorDetail(("header", "Idempotency-Key"), reason, "reused")]
        raise APIError(422, reason, kind="idempotency-key-reused", errors=errors)
    return HttpResponse(bytes(kept.body), status=kept.status, headers={**kept.headers, "Idempotent-Replayed": "true"})


def _sender(request: HttpRequest) -> str:
    # Anonymous clients share their keys: only a client that knows both key and order gets the response.
    access = access_of(request)
    if access.user is None:
        return f"client {access.client_id}"[:100]
    return f"user {access.user.pk}" if access.user.is_authenticated else "anonymous"


def _delete_old() -> None:
    old = IdempotentResponse.objects.filter(created_at__lt=timezone.now() - KEEP_RESPONSES_FOR)
    some = old.select_for_update(skip_locked=True).values("pk")[:_MAX_DELETED]
    IdempotentResponse.objects.filter(pk__in=list(some.values_list("pk", flat=True))).delete()
