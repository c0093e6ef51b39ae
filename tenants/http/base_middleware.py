"""The base of our middleware: sync before what is sync, async before what is async, and never a thread in between."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from typing import cast

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase

Handler = Callable[[HttpRequest], HttpResponseBase]
AsyncHandler = Callable[[HttpRequest], Awaitable[HttpResponseBase]]


class TwoWayMiddleware(ABC):
    """Middleware that answers in `_answer` or, if what comes after it is async, in `_answer_async`."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Handler | AsyncHandler) -> None:
        # Both are what comes after this middleware, and only the one that fits is called.
        self.go_on, self.go_on_async = cast(Handler, get_response), cast(AsyncHandler, get_response)
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        """Answer one request."""
        return self._answer_async(request) if self.is_async else self._answer(request)

    @abstractmethod
    def _answer(self, request: HttpRequest) -> HttpResponseBase: ...

    @abstractmethod
    async def _answer_async(self, request: HttpRequest) -> HttpResponseBase: ...
