"""Login, consent, token and revocation endpoints, on the views of django-oauth-toolkit."""

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

# A form here may redirect to the client, on any host, which `form-action` would block.
_ALLOW_REDIRECT = csp_replace({"form-action": None})

GRANT_TYPES = ("authorization_code", "client_credentials", "refresh_token")


@method_decorator([never_cache, _ALLOW_REDIRECT], name="dispatch")
class SignIn(LoginView):
    """Login before the consent."""

    template_name = "oauth/sign_in.html"
    next_page = "/"

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        with hashing_slot(request):
            return super().post(request, *args, **kwargs)

    def form_valid(self, form: Any) -> HttpResponse:
        steps = ("oauth:second-step", "oauth:second-step")
        target = login_state.start_login(self.request, form.get_user(), self.get_success_url(), pages=steps)
        return HttpResponseRedirect(target)


@method_decorator([never_cache, sensitive_post_parameters("code"), _ALLOW_REDIRECT], name="dispatch")
class SecondStep(FormView):  # type: ignore[type-arg]  # not generic when the program runs
    """Code of two-factor authentication, or a hint for users who must set it up first."""

    template_name = "oauth/second_step.html"
    form_class = CodeForm
    pending: login_state.PendingLogin

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Redirect to the login if no password was given yet."""
        pending = login_state.pending_login(request)
        if pending is None:
            return HttpResponseRedirect(reverse("oauth:sign-in"))
        self.pending = pending
        return super().dispatch(request, *args, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add `has_one`: whether the user has a second factor."""
        return super().get_context_data(**kwargs) | {"has_one": is_enabled(self.pending.user)}

    def form_valid(self, form: Any) -> HttpResponse:
        device = check_code(self.pending.user, form.cleaned_data["code"])
        if device is None:
            form.add_invalid_code()
            return self.form_invalid(form)
        login_state.finish_login(self.request, self.pending.user, device)
        return HttpResponseRedirect(self.pending.target)


def _take_consent(view: AuthorizationView, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
    """Process the consent form, with a CSRF check."""

    @csrf_protect
    def take(request: HttpRequest) -> HttpResponseBase:
        return cast(HttpResponseBase, FormView.post(view, request, *args, **kwargs))

    return take(request)


# Exempt from CSRF for authorization requests by POST; `_take_consent` checks the consent.
@method_decorator([never_cache, _ALLOW_REDIRECT, csrf_exempt], name="dispatch")
class Authorize(ParameterCheckView, AuthorizationView):
    """Authorization endpoint: asks the user for consent and redirects to the client."""

    template_name = "oauth/authorize.html"
    login_url = reverse_lazy("oauth:sign-in")

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Refuse operators who impersonate: the access of a client would outlast that."""
        if is_operator_session(request):
            raise PermissionDenied
        if request.method == "POST" and "csrfmiddlewaretoken" not in request.POST:
            return self.post(request)  # not a consent, so no login is needed
        return super().dispatch(request, *args, **kwargs)

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Show the consent form, or redirect to the client with an error."""
        try:
            _, credentials = self.validate_authorization_request(request)
        except OAuthToolkitError as error:
            return cast(HttpResponseBase, self.error_response(error, None))
        no_prompt = "none" in request.GET.get("prompt", "").split()
        if refused := authorization.parameter_error(request.GET):
            return self._redirect_error(refused, credentials)
        if authorization.is_login_too_old(request.GET, request.user):
            if no_prompt:
                return self._redirect_error(CustomOAuth2Error(error="login_required"), credentials)
            here = authorization.without_parameters(request.get_full_path(), "max_age", "prompt")
            return redirect_to_login(here, resolve_url(self.login_url))
        answer = cast(HttpResponseBase, super().get(request, *args, **kwargs))
        if no_prompt and answer.status_code == 200:
            return self._redirect_error(CustomOAuth2Error(error="consent_required"), credentials)
        return answer

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Process the consent, or redirect an authorization request by POST (OpenID Connect Core 3.1.2.1) to GET."""
        if "csrfmiddlewaretoken" in request.POST:
            return _take_consent(self, request, *args, **kwargs)
        return HttpResponseRedirect(f"{request.path}?{request.POST.urlencode()}", status=303)

    def redirect(self, redirect_to: str, application: Any) -> HttpResponseBase:
        """Redirect to the client with `iss`."""
        return cast(HttpResponseBase, super().redirect(authorization.with_issuer(redirect_to), application))

    def _redirect_error(self, error: OAuth2Error, credentials: dict[str, Any]) -> HttpResponseBase:
        error.redirect_uri, error.state = credentials["redirect_uri"], credentials.get("state")
        return cast(HttpResponseBase, self.error_response(OAuthToolkitError(error=error), None))

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add `redirect_host`."""
        context: dict[str, Any] = super().get_context_data(**kwargs)
        context["redirect_host"] = urlsplit(context.get("redirect_uri") or "").netloc
        return context

    def form_valid(self, form: Any) -> HttpResponseBase:
        """Issue a code. A manipulated form can name an unknown client."""
        try:
            return cast(HttpResponseBase, super().form_valid(form))
        except Application.DoesNotExist:
            return oauth_error("invalid_client", "Unknown client.")


@method_decorator(csrf_exempt, name="dispatch")
class Token(ParameterCheckView, TokenView):
    """Token endpoint: exchanges a code, refresh token or client secret for an access token."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return client_response(self._answer(request))

    def _answer(self, request: HttpRequest) -> HttpResponse:
        grant_type = request.POST.get("grant_type")
        if not grant_type:
            return oauth_error("invalid_request", "Missing parameter: grant_type.")
        if grant_type not in GRANT_TYPES:
            return oauth_error("unsupported_grant_type", f"Supported grant types: {', '.join(GRANT_TYPES)}.")
        if "client_secret" in request.POST and request.headers.get("Authorization", "").startswith("Basic "):
            return oauth_error("invalid_request", "Send the client secret in the header or in the body, not in both.")
        answer = cast(HttpResponse, self.authorization_flow_token_response(request))
        if answer.status_code == 400 and b'"Mismatching redirect URI."' in answer.content:
            # oauthlib sends another error code here than RFC 6749, 5.2, wants.
            return oauth_error("invalid_grant", "redirect_uri differs from the authorization request.")
        return answer


@method_decorator(csrf_exempt, name="dispatch")
class Revoke(ParameterCheckView, RevokeTokenView):
    """Revocation endpoint for a client's own tokens (RFC 7009)."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.POST.get("token"):
            return client_response(oauth_error("invalid_request", "Missing parameter: token."))
        answer = cast(HttpResponse, super().post(request, *args, **kwargs))
        return invalid_client() if answer.status_code == 401 else client_response(answer)
