"""Admin of OAuth clients."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.decorators import action, display

from tenants.contrib.oauth.admin.base import SAVE_ONLY, wrapped_code
from tenants.contrib.oauth.admin.scopes import ScopesField, scope_choices, scopes_beyond
from tenants.contrib.oauth.admin.secrets import show_secrets
from tenants.contrib.oauth.models import Application
from tenants.contrib.oauth.scopes import TenantScopes

_GRANTS = [
    (Application.GRANT_AUTHORIZATION_CODE, _("Authorization code with PKCE: acts for users who consent")),
    (Application.GRANT_CLIENT_CREDENTIALS, _("Client credentials: acts for itself, within its scopes")),
]
_TYPES = [
    (Application.CLIENT_CONFIDENTIAL, _("Confidential: a server that can keep a secret")),
    (Application.CLIENT_PUBLIC, _("Public: an app or a page in a browser")),
]
_TEXTS: dict[str, tuple[Any, Any]] = {
    "authorization_grant_type": (_("Grant type"), ""),
    "client_type": (_("Client type"), ""),
    "redirect_uris": (_("Redirect URIs"), _("Where users are sent back to. Separate several with spaces.")),
    "allowed_origins": (
        _("Allowed origins"),
        _("Origins of pages that may request tokens (CORS). Separate several with spaces."),
    ),
    "skip_authorization": (_("Skip consent"), _("Only for apps of the shop itself: users are not asked for consent.")),
}

RENEW = "oauth_application_renew_secret"
"""Name of Unfold's button for a new secret."""


class ClientForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic when the program runs
    user: Any
    """The user of the request; set by the admin."""
    scopes = ScopesField(label=_("Scopes"), required=False, help_text=_("Scopes that the client may request."))

    class Meta:
        model = Application
        fields: tuple[str, ...] = (
            "name", "authorization_grant_type", "client_type", "redirect_uris", "allowed_origins", "scopes",
            "skip_authorization", "is_active",
        )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "scopes" in self.fields:
            self.fields["scopes"].choices = scope_choices(TenantScopes().get_all_scopes())  # type: ignore[attr-defined]
        for name, (label, text) in _TEXTS.items():
            if name in self.fields:
                self.fields[name].label, self.fields[name].help_text = label, text
            if name in {"redirect_uris", "allowed_origins"} and name in self.fields:
                self.fields[name].widget.attrs["rows"] = 2

    def clean(self) -> dict[str, Any]:
        # A client that acts for itself must not have more permissions than the user who registers it.
        cleaned: dict[str, Any] = super().clean() or {}
        if cleaned.get("authorization_grant_type") == Application.GRANT_CLIENT_CREDENTIALS:
            if lacking := scopes_beyond(self.user, str(cleaned.get("scopes", "")).split()):
                text = _("You do not have the permissions of these scopes: %(scopes)s.")
                self.add_error("scopes", ValidationError(text, params={"scopes": ", ".join(sorted(lacking))}))
        elif "authorization_grant_type" in cleaned and not cleaned.get("redirect_uris"):
            self.add_error("redirect_uris", ValidationError(_("Enter at least one redirect URI.")))
        return cleaned


class ClientAdmin(ModelAdmin):
    """Clients, whose secret is shown once."""

    form = ClientForm
    list_display = ["name", "acts_for", "is_active", "created"]
    list_filter = ["is_active"]
    search_fields = ["name", "client_id"]
    actions_submit_line = ["renew_secret"]

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> Any:
        return super().add_view(request, form_url, {**SAVE_ONLY, **(extra_context or {})})

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return [*(["wrapped_id"] if obj else []), *ClientForm.Meta.fields]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        # Grant and client type are fixed. Only superusers may skip the consent of users.
        fixed = ["authorization_grant_type", "client_type"] if obj else []
        return ["wrapped_id", *fixed, *([] if request.user.is_superuser else ["skip_authorization"])]

    def formfield_for_choice_field(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        choices = {"authorization_grant_type": _GRANTS, "client_type": _TYPES}.get(db_field.name)
        field = super().formfield_for_choice_field(db_field, request, **kwargs)
        if choices:
            field.choices = choices
        return field

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        form.user = request.user
        return form

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and self._may_change(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and self._may_change(request, obj)

    def _may_change(self, request: HttpRequest, client: Any) -> bool:
        """Return whether a user could do all that the client can do without the consent of others."""
        # Unfold passes only the id when it chooses the buttons of a page that it already allowed.
        if request.user.is_superuser or not isinstance(client, Application):
            return True
        if client.skip_authorization:  # its redirect URI and scopes decide who acts as any user
            return False
        acts_for_itself = client.authorization_grant_type == Application.GRANT_CLIENT_CREDENTIALS
        return not (acts_for_itself and scopes_beyond(request.user, client.scope_list))

    def save_model(self, request: HttpRequest, obj: Application, form: Any, change: bool) -> None:
        if obj.client_type == Application.CLIENT_CONFIDENTIAL and (not change or RENEW in request.POST):
            obj.renew_secret()
        obj.save()

    def response_add(
        self, request: HttpRequest, obj: Application, post_url_continue: str | None = None
    ) -> HttpResponse:
        return self._secrets(request, obj)

    def response_change(self, request: HttpRequest, obj: Application) -> HttpResponse:
        return self._secrets(request, obj) if obj.shown_once else super().response_change(request, obj)

    def _secrets(self, request: HttpRequest, client: Application) -> HttpResponse:
        facts = [(_("Client ID"), client.client_id)]
        if client.shown_once:
            facts.append((_("Client secret"), client.shown_once))
        return show_secrets(self, request, client.name, facts)

    @action(description=_("Generate a new secret"), permissions=["change"])
    def renew_secret(self, request: HttpRequest, client: Application) -> None:
        """Button; `save_model` does it."""

    @display(description=_("client ID"))
    def wrapped_id(self, client: Application) -> str:
        return wrapped_code(client.client_id)

    @display(description=_("acts for"), label={"users": "info", "itself": "warning"})
    def acts_for(self, client: Application) -> tuple[str, Any]:
        itself = client.authorization_grant_type == Application.GRANT_CLIENT_CREDENTIALS
        return ("itself", _("itself")) if itself else ("users", _("users"))
