"""Admin site with two-factor authentication, password reset and input validation."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import autodiscover
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.forms import Form
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, path, reverse
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from tenants.contrib.accounts import login_state, otp
from tenants.contrib.accounts.admin_base import SafeViewOnSiteMixin
from tenants.contrib.accounts.forms import CodeForm
from tenants.contrib.accounts.input_validation import refuses_odd_input
from tenants.contrib.accounts.password_reset import request_link, request_sent
from tenants.contrib.impersonation.backend import is_operator_account
from tenants.contrib.impersonation.session import is_operator_session
from tenants.contrib.limits.password_hashers import hashing_slot

_sensitive = method_decorator([never_cache, sensitive_post_parameters("password", "code")])


class AccountsSite(SafeViewOnSiteMixin):
    """Signs a user in only after the second step, so that a session after the first one has no user."""

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        return super().admin_view(refuses_odd_input(view), cacheable)

    def get_urls(self) -> list[URLResolver | URLPattern]:
        autodiscover()
        pages = [
            path("sign-in/code/", self.second_step, name="second_step"),
            path("second-factor/", self._own_account(self.second_factor), name="second_factor"),
            path("second-factor/set-up/", self.set_up, name="second_factor_set_up"),
            path(
                "second-factor/recovery-codes/", self._own_account(self.recovery_codes), name="second_factor_recovery"
            ),
            path("second-factor/off/", self._own_account(self.turn_off), name="second_factor_off"),
            # The name that unfold's login page links to.
            path("password-reset/", request_link, {"site": self}, name="admin_password_reset"),
            path("password-reset/sent/", request_sent, {"site": self}, name="password_reset_sent"),
        ]
        return [*pages, *super().get_urls()]

    def _get_account_links(self, request: HttpRequest) -> list[dict[str, Any]]:
        links: list[dict[str, Any]] = super()._get_account_links(request)
        if not self._has_own_account(request):
            return links
        return [
            *links,
            {"title": _("Change password"), "link": reverse("admin:password_change")},
            {"title": _("Two-factor authentication"), "link": reverse("admin:second_factor")},
        ]

    def _has_own_account(self, request: HttpRequest) -> bool:
        return self.has_permission(request) and not is_operator_session(request)

    # --- Sign-in

    @_sensitive
    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        target = self._target(request)
        if request.method == "GET" and self.has_permission(request):
            return HttpResponseRedirect(target)
        form = self.login_form(request, request.POST if request.method == "POST" else None)
        if form.is_bound:
            with hashing_slot(request):
                is_valid = form.is_valid()
            if is_valid and is_operator_account(form.get_user()):
                form.add_error(None, form.get_invalid_login_error())
            elif is_valid:
                return HttpResponseRedirect(login_state.start_login(request, form.get_user(), target))
        template = self.login_template or "admin/login.html"
        return self._page(request, template, _("Log in"), form, **(extra_context or {}))

    def _target(self, request: HttpRequest) -> str:
        url = request.POST.get(REDIRECT_FIELD_NAME) or request.GET.get(REDIRECT_FIELD_NAME) or ""
        hosts, is_https = {request.get_host()}, request.is_secure()
        if url_has_allowed_host_and_scheme(url, allowed_hosts=hosts, require_https=is_https):
            return url
        return reverse("admin:index")

    @_sensitive
    def second_step(self, request: HttpRequest) -> HttpResponse:
        pending = login_state.pending_login(request)
        if pending is None:
            return HttpResponseRedirect(reverse("admin:login"))
        form = CodeForm(request.POST or None)
        if form.is_valid():
            if device := otp.check_code(pending.user, form.cleaned_data["code"]):
                login_state.finish_login(request, pending.user, device)
                return HttpResponseRedirect(pending.target)
            form.add_invalid_code()
        return self._page(request, "tenants/accounts/second_step.html", _("Two-factor authentication"), form)

    # --- Two-factor authentication of one's own account

    def _own_account(self, view: Any) -> Any:
        """Return the view for signed-in staff; an operator's session in a shop has no second factor there."""

        @never_cache
        @sensitive_post_parameters("code")
        def guarded(request: HttpRequest) -> HttpResponse:
            if not self._has_own_account(request):
                return HttpResponseRedirect(reverse("admin:login"))
            response: HttpResponse = view(request)
            return response

        return guarded

    def second_factor(self, request: HttpRequest) -> HttpResponse:
        is_enabled = otp.is_enabled(request.user)
        context: dict[str, Any] = {
            "is_enabled": is_enabled,
            "is_required": otp.is_required(),
            "left": otp.recovery_codes_left(request.user) if is_enabled else 0,
        }
        return self._page(request, "tenants/accounts/second_factor.html", _("Two-factor authentication"), **context)

    @_sensitive
    def set_up(self, request: HttpRequest) -> HttpResponse:
        """Show the QR code, and confirm it by a code of the app.

        Also open to a pending login, after the right password, where a second factor is required.
        """
        pending = login_state.pending_login(request)
        is_signed_in = self._has_own_account(request)
        user: Any = request.user if is_signed_in else pending and pending.user
        is_enabled = bool(user) and otp.is_enabled(user)
        if not user or (is_enabled and not is_signed_in):
            return HttpResponseRedirect(reverse("admin:login"))
        if is_enabled and not login_state.may_change_device(request):
            return self._confirm_device_change(request)
        form = CodeForm(request.POST or None)
        if form.is_valid():
            codes = otp.confirm_device(user, form.cleaned_data["code"])
            if codes is not None:
                login_state.finish_login(request, user, otp.device_of(user))
                self._log(request, gettext("Turned on two-factor authentication."))
                return self._show_codes(request, codes, "" if is_signed_in or pending is None else pending.target)
            form.add_invalid_code()
        device = otp.unconfirmed_device(user)
        context = {
            "qr_code": otp.qr_code(device),
            "secret": otp.secret_text(device),
            "link": otp.provisioning_uri(device),
        }
        template = "tenants/accounts/set_up.html" if is_signed_in else "tenants/accounts/set_up_first.html"
        return self._page(request, template, _("Set up two-factor authentication"), form, **context)

    def _confirm_device_change(self, request: HttpRequest) -> HttpResponse:
        """Ask for a code of the current device, so that a stolen session alone cannot replace it."""
        form, is_confirmed = self._confirm_by_code(request)
        if is_confirmed:
            login_state.allow_device_change(request)
            return HttpResponseRedirect(reverse("admin:second_factor_set_up"))
        question = _(
            "The new phone replaces the current one. First enter a code of the current phone or a recovery code."
        )
        return self._ask_code(request, _("Set up two-factor authentication"), form, question, _("Continue"))

    def recovery_codes(self, request: HttpRequest) -> HttpResponse:
        form, is_confirmed = self._confirm_by_code(request)
        if is_confirmed:
            self._log(request, gettext("Generated new recovery codes."))
            return self._show_codes(request, otp.new_recovery_codes(request.user))
        question = _("New recovery codes replace the old ones, which stop working.")
        return self._ask_code(request, _("New recovery codes"), form, question, _("Generate new codes"))

    def turn_off(self, request: HttpRequest) -> HttpResponse:
        if otp.is_required():
            return HttpResponseRedirect(reverse("admin:second_factor"))
        form, is_confirmed = self._confirm_by_code(request)
        if is_confirmed:
            otp.disable(request.user)
            self._log(request, gettext("Turned off two-factor authentication."))
            return HttpResponseRedirect(reverse("admin:second_factor"))
        question = _("Your password alone will be enough to sign in.")
        title = _("Turn off two-factor authentication")
        return self._ask_code(request, title, form, question, _("Turn off"), button_variant="danger")

    def _confirm_by_code(self, request: HttpRequest) -> tuple[CodeForm, bool]:
        form = CodeForm(request.POST or None)
        if not form.is_valid():
            return form, False
        if otp.check_code(request.user, form.cleaned_data["code"]) is None:
            form.add_invalid_code()
            return form, False
        return form, True

    def _ask_code(
        self, request: HttpRequest, title: Any, form: CodeForm, question: Any, button: Any, **context: Any
    ) -> HttpResponse:
        context = {"question": question, "button": button, **context}
        return self._page(request, "tenants/accounts/ask_code.html", title, form, **context)

    def _show_codes(self, request: HttpRequest, codes: list[str], target: str = "") -> HttpResponse:
        context: dict[str, Any] = {"codes": codes, "target": target or reverse("admin:index")}
        return self._page(request, "tenants/accounts/recovery_codes.html", _("Recovery codes"), **context)

    def _log(self, request: HttpRequest, message: str) -> None:
        user: Any = request.user
        LogEntry.objects.log_actions(
            user_id=user.pk, queryset=[user], action_flag=CHANGE, change_message=message, single_object=True
        )

    def _page(
        self, request: HttpRequest, template: str, title: Any, form: Form | None = None, **context: Any
    ) -> HttpResponse:
        context = {**self.each_context(request), "title": title, "subtitle": None, "form": form, **context}
        context.setdefault("app_path", request.get_full_path())
        request.current_app = self.name
        return TemplateResponse(request, template, context)
