"""Views that every tenant has: its files, and the page on which a user sets a password."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.views import PasswordResetConfirmView
from django.core.exceptions import SuspiciousFileOperation
from django.core.files.storage import default_storage
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse_lazy
from django.views.decorators.http import require_safe

from tenants.tokens import token_generator


@require_safe
def media(request: HttpRequest, name: str) -> FileResponse:
    """Return a file of the active tenant; 404 for what it has not, whoever else may have it."""
    try:
        file = default_storage.open(name)
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError, SuspiciousFileOperation, ValueError) as error:
        raise Http404 from error  # a ValueError is a NUL in the name
    response = FileResponse(file)
    response["Cache-Control"] = "public, max-age=3600"
    response["X-Content-Type-Options"] = "nosniff"
    return response


class SetPassword(PasswordResetConfirmView):
    """Where a set-up link leads."""

    template_name = "tenants/set_password.html"
    success_url = reverse_lazy("set_password_done")
    token_generator = token_generator

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add `user_name`, so that the owner sees whose password it is."""
        context = super().get_context_data(**kwargs)
        context["user_name"] = self.user.get_username() if self.user else ""
        return context


def set_password_done(request: HttpRequest) -> HttpResponse:
    """Say that it worked, and where to sign in."""
    return render(request, "tenants/set_password_done.html")
