"""An admin site into which people sign in with a password and, where they have or need one, a second factor."""

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

from tenants.contrib.accounts import login_state as signing_in
from tenants.contrib.accounts import otp as second_factor
from tenants.contrib.accounts.admin_base import SafeViewOnSiteMixin
from tenants.contrib.accounts.forms import CodeForm
from tenants.contrib.accounts.input_validation import refuses_odd_input
from tenants.contrib.accounts.password_reset import ask_for_link, link_was_sent
from tenants.contrib.impersonation.backend import is_operator_account
from tenants.contrib.impersonation.session import is_entered_operator
from tenants.contrib.limits.password_hashers import hashing_slot

_SECRET = [never_cache, sensitive_post_parameters("password", "code")]
_secret = method_decorator(_SECRET)


class AccountsSite(SafeViewOnSiteMixin):
    """Signs in by two steps: nobody is signed in before the second, to whatever a session is good for."""

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """Guard a view as Django does, and against input that makes no sense."""
        return super().admin_view(refuses_odd_input(view), cacheable)

    def get_urls(self) -> list[URLResolver | URLPattern]:
        """Load the `admin.py` of every app, and put the pages of accounts before the admin's own."""
        autodiscover()
        pages = [
            path("sign-in/code/", self.second_step, name="second_step"),
            path("second-factor/", self._own(self.second_factor), name="second_factor"),
            path("second-factor/set-up/", self.set_up, name="second_factor_set_up"),
            path("second-factor/recovery-codes/", self._own(self.recovery_codes), name="second_factor_recovery"),
            path("second-factor/off/", self._own(self.switch_off), name="second_factor_off"),
            # Unfold's page for signing in looks for this name.
            path("password-reset/", ask_for_link, {"site": self}, name="admin_password_reset"),
            path("password-reset/sent/", link_was_sent, {"site": self}, name="password_reset_sent"),
        ]
        return [*pages, *super().get_urls()]

    def _get_account_links(self, request: HttpRequest) -> list[dict[str, Any]]:
        """Return what is offered under the user's name."""
        links: list[dict[str, Any]] = super()._get_account_links(request)
        if not self.has_permission(request) or is_entered_operator(request):
            return links
        own = {"title": _("Second factor"), "link": reverse("admin:second_factor")}
        return [*links, {"title": _("Change password"), "link": reverse("admin:password_change")}, own]

    # --- Signing in

    @_secret
    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the first step, or lead on whoever is in; after a right password, lead to the second."""
        target = self._target(request)
        if request.method == "GET" and self.has_permission(request):
            return HttpResponseRedirect(target)
        form = self.login_form(request, request.POST if request.method == "POST" else None)
        if form.is_bound:
            with hashing_slot(request):
                is_right = form.is_valid()
            if is_right and is_operator_account(form.get_user()):
                form.add_error(None, form.get_invalid_login_error())
            elif is_right:
                return HttpResponseRedirect(signing_in.take_first_step(request, form.get_user(), target))
        template = self.login_template or "admin/login.html"
        return self._page(request, template, _("Log in"), form, **(extra_context or {}))

    def _target(self, request: HttpRequest) -> str:
        asked = request.POST.get(REDIRECT_FIELD_NAME) or request.GET.get(REDIRECT_FIELD_NAME) or ""
        hosts, is_https = {request.get_host()}, request.is_secure()
        if url_has_allowed_host_and_scheme(asked, allowed_hosts=hosts, require_https=is_https):
            return asked
        return reverse("admin:index")

    @_secret
    def second_step(self, request: HttpRequest) -> HttpResponse:
        """Ask for the code of whoever has given the right password a moment ago."""
        begun = signing_in.begun(request)
        if begun is None:
            return HttpResponseRedirect(reverse("admin:login"))
        form = CodeForm(request.POST or None)
        if form.is_valid():
            if device := second_factor.check_code(begun.user, form.cleaned_data["code"]):
                signing_in.finish(request, begun.user, device)
                return HttpResponseRedirect(begun.target)
            form.refuse()
        return self._page(request, "tenants/accounts/second_step.html", _("One more step"), form)

    # --- One's own second factor

    def _own(self, view: Any) -> Any:
        """Return the view for staff who are in; an operator who has entered has no second factor here."""

        @never_cache
        @sensitive_post_parameters("code")
        def guarded(request: HttpRequest) -> HttpResponse:
            if not self.has_permission(request) or is_entered_operator(request):
                return HttpResponseRedirect(reverse("admin:login"))
            response: HttpResponse = view(request)
            return response

        return guarded

    def second_factor(self, request: HttpRequest) -> HttpResponse:
        """Tell whether one is set up, and lead to what can be done about it."""
        has_one = second_factor.has_second_factor(request.user)
        facts: dict[str, Any] = {
            "has_one": has_one,
            "required": second_factor.is_required(),
            "left": second_factor.recovery_codes_left(request.user) if has_one else 0,
        }
        return self._page(request, "tenants/accounts/second_factor.html", _("Second factor"), **facts)

    @_secret
    def set_up(self, request: HttpRequest) -> HttpResponse:
        """Show the code for the phone, and take one from the phone for a proof that it has arrived.

        For who is in, and for who has given the right password where a second factor is demanded.
        """
        begun = signing_in.begun(request)
        may = self.has_permission(request) and not is_entered_operator(request)
        user: Any = request.user if may else begun and begun.user
        has_one = bool(user) and second_factor.has_second_factor(user)
        if not user or (has_one and not may):
            return HttpResponseRedirect(reverse("admin:login"))
        if has_one and not signing_in.may_replace(request):
            return self._ask_before_replacing(request)
        form = CodeForm(request.POST or None)
        if form.is_valid():
            codes = second_factor.finish_set_up(user, form.cleaned_data["code"])
            if codes is not None:
                signing_in.finish(request, user, second_factor.device_of(user))
                self._note(request, gettext("Set up the second factor."))
                return self._show(request, codes, "" if may or begun is None else begun.target)
            form.refuse()
        device = second_factor.begin_set_up(user)
        facts = {
            "picture": second_factor.set_up_picture(device),
            "secret": second_factor.secret_text(device),
            "link": second_factor.set_up_link(device),
            "is_login": not may,
        }
        template = "tenants/accounts/set_up.html" if may else "tenants/accounts/set_up_first.html"
        return self._page(request, template, _("Set up the second factor"), form, **facts)

    def _ask_before_replacing(self, request: HttpRequest) -> HttpResponse:
        """Ask for a code of the present phone: an open session alone shall not become a hold on the account."""
        form, shown = self._asked_for_code(request)
        if shown:
            signing_in.let_replace(request)
            return HttpResponseRedirect(reverse("admin:second_factor_set_up"))
        question = _(
            "Another phone takes the place of the present one. First show that you have that, or a recovery code."
        )
        facts = {"question": question, "button": _("Go on")}
        return self._page(request, "tenants/accounts/ask_code.html", _("Set up the second factor"), form, **facts)

    def recovery_codes(self, request: HttpRequest) -> HttpResponse:
        """Make new recovery codes, for a code."""
        form, shown = self._asked_for_code(request)
        if shown:
            self._note(request, gettext("Made new recovery codes."))
            return self._show(request, second_factor.new_recovery_codes(request.user))
        question = _("With new recovery codes, those from before are void.")
        facts = {"question": question, "button": _("Make new codes")}
        return self._page(request, "tenants/accounts/ask_code.html", _("New recovery codes"), form, **facts)

    def switch_off(self, request: HttpRequest) -> HttpResponse:
        """Take the own second factor away, for a code; not where one is required."""
        if second_factor.is_required():
            return HttpResponseRedirect(reverse("admin:second_factor"))
        form, shown = self._asked_for_code(request)
        if shown:
            second_factor.take_away(request.user)
            self._note(request, gettext("Switched the second factor off."))
            return HttpResponseRedirect(reverse("admin:second_factor"))
        question = _("Whoever learns your password can then sign in with nothing else.")
        facts = {"question": question, "button": _("Switch it off"), "button_variant": "danger"}
        return self._page(request, "tenants/accounts/ask_code.html", _("Switch the second factor off"), form, **facts)

    def _asked_for_code(self, request: HttpRequest) -> tuple[CodeForm, bool]:
        form = CodeForm(request.POST or None)
        if not form.is_valid():
            return form, False
        if second_factor.check_code(request.user, form.cleaned_data["code"]) is None:
            form.refuse()
            return form, False
        return form, True

    def _show(self, request: HttpRequest, codes: list[str], target: str = "") -> HttpResponse:
        facts: dict[str, Any] = {"codes": codes, "target": target or reverse("admin:index")}
        return self._page(request, "tenants/accounts/recovery_codes.html", _("Recovery codes"), **facts)

    def _note(self, request: HttpRequest, message: str) -> None:
        user: Any = request.user
        LogEntry.objects.log_actions(
            user_id=user.pk,
            queryset=[user],
            action_flag=CHANGE,
            change_message=message,
            single_object=True,
        )

    def _page(
        self, request: HttpRequest, template: str, title: Any, form: Form | None = None, **facts: Any
    ) -> HttpResponse:
        context = {**self.each_context(request), "title": title, "subtitle": None, "form": form, **facts}
        context.setdefault("app_path", request.get_full_path())
        request.current_app = self.name
        return TemplateResponse(request, template, context)
