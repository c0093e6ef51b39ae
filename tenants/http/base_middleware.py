"""Base class of middleware for sync and async chains: no thread is started to cross from one to the other."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase

GetResponse = Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]
Response = HttpResponseBase | Awaitable[HttpResponseBase]


class AsyncCompatibleMiddleware(ABC):
    """Middleware whose `__call__` returns `__acall__(request)` where `is_async` is set, and else answers itself."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response: Any = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    @abstractmethod
    def __call__(self, request: HttpRequest) -> Response: ...

    @abstractmethod
    async def __acall__(self, request: HttpRequest) -> HttpResponseBase: ...
