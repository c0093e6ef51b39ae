"""A session that has a password alone is nobody's, where its user has or needs a second factor."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.functional import SimpleLazyObject

from tenants.contrib.accounts import otp as second_factor
from tenants.http.base_middleware import TwoWayMiddleware


class SecondFactorMiddleware(TwoWayMiddleware):
    """Stands after OTPMiddleware. Whatever asks for the user – admin, API, a client's consent – then asks this.

    It so ends sessions from before a second factor was set up, or demanded. It asks the database for staff alone, and
    when somebody asks for the user.
    """

    def _answer(self, request: HttpRequest) -> HttpResponseBase:
        _identify(request)
        return self.go_on(request)

    async def _answer_async(self, request: HttpRequest) -> HttpResponseBase:
        _identify(request)
        return await self.go_on_async(request)


def _identify(request: HttpRequest) -> None:
    request.user = SimpleLazyObject(partial(_identified, request.user))  # type: ignore[assignment]
    request.auser = partial(_identified_async, request.auser)


def _identified(user: Any) -> Any:
    return user if second_factor.is_satisfied(user) else AnonymousUser()


async def _identified_async(get_user: Callable[[], Awaitable[Any]]) -> Any:
    user = await get_user()
    return user if await sync_to_async(second_factor.is_satisfied)(user) else AnonymousUser()
