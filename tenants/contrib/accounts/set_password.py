"""Pages behind a password link: choose a password, and a confirmation."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.views import PasswordResetConfirmView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse_lazy

from tenants.contrib.impersonation.backend import is_operator_account
from tenants.contrib.limits.password_hashers import hashing_slot


class SetPassword(PasswordResetConfirmView):
    template_name = "tenants/accounts/set_password.html"
    success_url = reverse_lazy("set_password_done")

    def get_user(self, uidb64: str) -> Any:
        """Return the user of the link; None for an operator's account, which must not get a password."""
        user = super().get_user(uidb64)
        return None if user is None or is_operator_account(user) else user

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        with hashing_slot(request):
            return super().post(request, *args, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add `user_name`, which the page shows."""
        user_name = self.user.get_username() if self.user else ""
        return super().get_context_data(**kwargs) | {"user_name": user_name}


def set_password_done(request: HttpRequest) -> HttpResponse:
    return render(request, "tenants/accounts/set_password_done.html")
