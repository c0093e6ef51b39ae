"""Middleware that makes a session anonymous until the second factor that its user has or needs is verified."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.functional import SimpleLazyObject

from tenants.contrib.accounts import otp
from tenants.http.base_middleware import AsyncCompatibleMiddleware, Response


class SecondFactorMiddleware(AsyncCompatibleMiddleware):
    """Placed after OTPMiddleware. Admin, API and OAuth consent then see an anonymous user.

    This also ends sessions from before a second factor was set up or required. It queries the database for staff only,
    when `request.user` is first read.
    """

    def __call__(self, request: HttpRequest) -> Response:
        if self.is_async:
            return self.__acall__(request)
        _wrap_user(request)
        result: HttpResponseBase = self.get_response(request)
        return result

    async def __acall__(self, request: HttpRequest) -> HttpResponseBase:
        _wrap_user(request)
        result: HttpResponseBase = await self.get_response(request)
        return result


def _wrap_user(request: HttpRequest) -> None:
    request.user = SimpleLazyObject(partial(_verified, request.user))  # type: ignore[assignment]
    request.auser = partial(_verified_async, request.auser)


def _verified(user: Any) -> Any:
    return user if otp.is_satisfied(user) else AnonymousUser()


async def _verified_async(get_user: Callable[[], Awaitable[Any]]) -> Any:
    user = await get_user()
    return user if await sync_to_async(otp.is_satisfied)(user) else AnonymousUser()
