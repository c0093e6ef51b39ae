"""Views that every tenant has: its files, and the page on which a user sets a password."""

from __future__ import annotations

import errno
from contextlib import ExitStack
from mimetypes import guess_type
from typing import Any

from django.contrib.auth.views import PasswordResetConfirmView
from django.core.exceptions import SuspiciousFileOperation
from django.core.files import File
from django.core.files.storage import default_storage
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse_lazy
from django.views.decorators.http import require_safe

from tenants.conf import tenancy
from tenants.context import current_tenant
from tenants.contrib.impersonation.backend import is_operator_account
from tenants.contrib.limits.limiter import Place, Refusal, Turnstile
from tenants.contrib.limits.password_hashers import hashing_slot
from tenants.http import responses as pages
from tenants.http.client_ip import client_address
from tenants.isolation.password_reset import token_generator
from tenants.limits import Limits
from tenants.postgresql.overload import Bound

SHOWN_TYPES = frozenset(f"image/{kind}" for kind in ("jpeg", "png", "gif", "webp", "avif"))
"""What a browser shows on its own. Not SVG, which is a document with scripts."""
SAVED_TYPES = frozenset(["application/pdf", "application/zip", "text/csv", "text/plain"])
"""What is offered for saving under its own name for what it is; all else is just bytes."""


_NO_FILE = frozenset([errno.ENOENT, errno.EISDIR, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP, errno.EINVAL])
"""What the system says of a name that can be no file's."""


KEPT_BY_THE_SYSTEM = 256 * 1024
"""Bytes that a connection takes at once, however slowly its client reads."""

_sending = Turnstile()


def _slots_for(request: HttpRequest, file: File[bytes]) -> Place | Refusal:
    """Return what holds the slots of a large file while it is sent: under WSGI a slow client holds a thread by it."""
    most = tenancy().most_waiting
    if request.method == "HEAD" or not most or file.size <= KEPT_BY_THE_SYSTEM:
        return Place(lambda: None)
    bounds: list[tuple[object, int]] = [(current_tenant().id, max(1, most * 2 // 3)), ("all", most)]
    if address := client_address(request):
        bounds.append((address, max(1, most // 2)))
    with ExitStack() as slots:
        for key, number in bounds:
            slot = _sending.enter_as(key, Limits(concurrency=number))
            if not isinstance(slot, Place):
                return Refusal(Bound.FILES, 2)
            slots.callback(slot.leave)
        return Place(slots.pop_all().close)


@require_safe
def media(request: HttpRequest, name: str) -> HttpResponseBase:
    """Return a file of the active tenant; 404 for what it has not, whoever else may have it."""
    try:
        file = default_storage.open(name)
    except (SuspiciousFileOperation, ValueError) as error:
        raise Http404 from error  # a ValueError is a NUL in the name
    except OSError as error:
        if error.errno not in _NO_FILE:
            raise
        raise Http404 from error
    slots = _slots_for(request, file)
    if isinstance(slots, Refusal):
        file.close()
        return pages.refused(request, current_tenant(), slots)
    kind = guess_type(name)[0] or ""
    # Somebody has uploaded it: the browser shows it if it is a picture, and never runs anything in it.
    is_shown = kind in SHOWN_TYPES
    response = FileResponse(file, as_attachment=not is_shown)
    slots.leave_at_end_of(response)
    response["Content-Type"] = kind if is_shown or kind in SAVED_TYPES else "application/octet-stream"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox; frame-ancestors 'none'"
    response["Cache-Control"] = "public, max-age=3600"
    response["X-Content-Type-Options"] = "nosniff"
    return response


class SetPassword(PasswordResetConfirmView):
    """Where a set-up link leads."""

    template_name = "tenants/set_password.html"
    success_url = reverse_lazy("set_password_done")
    token_generator = token_generator

    def get_user(self, uidb64: str) -> Any:
        """Return whose link it is; nobody for an operator, who has no password in a shop."""
        user = super().get_user(uidb64)
        return None if user is None or is_operator_account(user) else user

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Set the password."""
        with hashing_slot(request):
            return super().post(request, *args, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add `user_name`, so that the owner sees whose password it is."""
        context = super().get_context_data(**kwargs)
        context["user_name"] = self.user.get_username() if self.user else ""
        return context


def set_password_done(request: HttpRequest) -> HttpResponse:
    """Say that it worked, and where to sign in."""
    return render(request, "tenants/set_password_done.html")
