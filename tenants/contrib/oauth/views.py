"""The doors through which people and clients get tokens. The grants themselves are the toolkit's."""

from __future__ import annotations

from typing import Any, cast
from urllib.parse import urlsplit

from csp.decorators import csp_replace
from django.contrib.auth.views import LoginView, redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import resolve_url
from django.urls import reverse, reverse_lazy
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.debug import sensitive_post_parameters
from django.views.generic import FormView
from oauth2_provider.exceptions import OAuthToolkitError
from oauth2_provider.views import AuthorizationView, RevokeTokenView, TokenView
from oauthlib.oauth2.rfc6749.errors import CustomOAuth2Error, OAuth2Error

from tenants.contrib.accounts import login_state
from tenants.contrib.accounts.forms import CodeForm
from tenants.contrib.accounts.otp import check_code, is_enabled
from tenants.contrib.impersonation.session import is_operator_session
from tenants.contrib.limits.password_hashers import hashing_slot
from tenants.contrib.oauth import authorization
from tenants.contrib.oauth.http import ParameterCheckView, client_response, invalid_client, oauth_error
from tenants.contrib.oauth.models import Application

# What a form here is answered with may lead to the client, wherever that is, and `form-action` counts the way too.
_LEADS_AWAY = csp_replace({"form-action": None})

GRANT_TYPES = ("authorization_code", "client_credentials", "refresh_token")


@method_decorator([never_cache, _LEADS_AWAY], name="dispatch")
class SignIn(LoginView):
    """Where somebody signs in whom a client has sent here."""

    template_name = "oauth/sign_in.html"
    next_page = "/"

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Check a name and a password."""
        with hashing_slot(request):
            return super().post(request, *args, **kwargs)

    def form_valid(self, form: Any) -> HttpResponse:
        """Go on, or to the second step of a login."""
        steps = ("oauth:second-step", "oauth:second-step")
        target = login_state.start_login(self.request, form.get_user(), self.get_success_url(), pages=steps)
        return HttpResponseRedirect(target)


@method_decorator([never_cache, sensitive_post_parameters("code"), _LEADS_AWAY], name="dispatch")
class SecondStep(FormView):  # type: ignore[type-arg]  # not generic when the program runs
    """Where somebody gives the code of their second factor; who needs one and has none, learns where to set it up."""

    template_name = "oauth/second_step.html"
    form_class = CodeForm
    pending: login_state.PendingLogin

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Send whoever has not given a password back to the first step."""
        pending = login_state.pending_login(request)
        if pending is None:
            return HttpResponseRedirect(reverse("oauth:sign-in"))
        self.pending = pending
        return super().dispatch(request, *args, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add `has_one`: whether there is a code to ask for."""
        return super().get_context_data(**kwargs) | {"has_one": is_enabled(self.pending.user)}

    def form_valid(self, form: Any) -> HttpResponse:
        """Sign in, or refuse a wrong code."""
        device = check_code(self.pending.user, form.cleaned_data["code"])
        if device is None:
            form.add_invalid_code()
            return self.form_invalid(form)
        login_state.finish_login(self.request, self.pending.user, device)
        return HttpResponseRedirect(self.pending.target)


def _take_consent(view: AuthorizationView, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
    """Take what somebody has agreed to, from our own form alone."""

    @csrf_protect
    def take(request: HttpRequest) -> HttpResponseBase:
        return cast(HttpResponseBase, FormView.post(view, request, *args, **kwargs))

    return take(request)


# Exempt from CSRF as a whole, for requests by POST; what consents is checked in `_take_consent`.
@method_decorator([never_cache, _LEADS_AWAY, csrf_exempt], name="dispatch")
class Authorize(ParameterCheckView, AuthorizationView):
    """Asks somebody whether a client may act for them, and sends them back to it."""

    template_name = "oauth/authorize.html"
    login_url = reverse_lazy("oauth:sign-in")

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Refuse an operator who has entered the shop: what a client gets here outlives the visit."""
        if is_operator_session(request):
            raise PermissionDenied
        if request.method == "POST" and "csrfmiddlewaretoken" not in request.POST:
            return self.post(request)  # nothing is agreed to, so it matters to nobody whether they are signed in
        return super().dispatch(request, *args, **kwargs)

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Ask for consent, or lead back to the client with what is wrong with its request."""
        try:
            _, credentials = self.validate_authorization_request(request)
        except OAuthToolkitError as error:
            return cast(HttpResponseBase, self.error_response(error, None))
        asks_nothing = "none" in request.GET.get("prompt", "").split()
        if refused := authorization.parameter_error(request.GET):
            return self._lead_back(refused, credentials)
        if authorization.is_login_too_old(request.GET, request.user):
            if asks_nothing:
                return self._lead_back(CustomOAuth2Error(error="login_required"), credentials)
            here = authorization.without_parameters(request.get_full_path(), "max_age", "prompt")
            return redirect_to_login(here, resolve_url(self.login_url))
        answer = cast(HttpResponseBase, super().get(request, *args, **kwargs))
        if asks_nothing and answer.status_code == 200:
            return self._lead_back(CustomOAuth2Error(error="consent_required"), credentials)
        return answer

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Take the consent; a request that comes by POST (OpenID Connect Core 3.1.2.1) is answered as one by GET."""
        if "csrfmiddlewaretoken" in request.POST:
            return _take_consent(self, request, *args, **kwargs)
        return HttpResponseRedirect(f"{request.path}?{request.POST.urlencode()}", status=303)

    def redirect(self, redirect_to: str, application: Any) -> HttpResponseBase:
        """Lead back to the client; each answer says which issuer it is from."""
        return cast(HttpResponseBase, super().redirect(authorization.with_issuer(redirect_to), application))

    def _lead_back(self, error: OAuth2Error, credentials: dict[str, Any]) -> HttpResponseBase:
        error.redirect_uri, error.state = credentials["redirect_uri"], credentials.get("state")
        return cast(HttpResponseBase, self.error_response(OAuthToolkitError(error=error), None))

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add `redirect_host`: where what the client gets is sent."""
        context: dict[str, Any] = super().get_context_data(**kwargs)
        context["redirect_host"] = urlsplit(context.get("redirect_uri") or "").netloc
        return context

    def form_valid(self, form: Any) -> HttpResponseBase:
        """Give out a code, or refuse a form that was written by hand."""
        try:
            return cast(HttpResponseBase, super().form_valid(form))
        except Application.DoesNotExist:
            return oauth_error("invalid_client", "There is no such client.")


@method_decorator(csrf_exempt, name="dispatch")
class Token(ParameterCheckView, TokenView):
    """Changes a code, a refresh token or a client's secret into an access token."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Answer a client."""
        return client_response(self._answer(request))

    def _answer(self, request: HttpRequest) -> HttpResponse:
        grant_type = request.POST.get("grant_type")
        if not grant_type:
            return oauth_error("invalid_request", "Give the grant_type.")
        if grant_type not in GRANT_TYPES:
            return oauth_error("unsupported_grant_type", f"This shop has {', '.join(GRANT_TYPES)}.")
        if "client_secret" in request.POST and request.headers.get("Authorization", "").startswith("Basic "):
            return oauth_error("invalid_request", "Give the client's secret in the header or in the body, not in both.")
        answer = cast(HttpResponse, self.authorization_flow_token_response(request))
        if answer.status_code == 400 and b'"Mismatching redirect URI."' in answer.content:
            # The one error that oauthlib calls otherwise than RFC 6749, 5.2.
            return oauth_error("invalid_grant", "The redirect_uri is not that of the request for the code.")
        return answer


@method_decorator(csrf_exempt, name="dispatch")
class Revoke(ParameterCheckView, RevokeTokenView):
    """Makes a client's own token void (RFC 7009)."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Answer a client."""
        if not request.POST.get("token"):
            return client_response(oauth_error("invalid_request", "Give the token."))
        answer = cast(HttpResponse, super().post(request, *args, **kwargs))
        return invalid_client() if answer.status_code == 401 else client_response(answer)
