"""Clients in a shop's admin: registered, switched off, given another secret."""

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
    (Application.GRANT_AUTHORIZATION_CODE, _("For people, who are asked first (authorization code with PKCE)")),
    (Application.GRANT_CLIENT_CREDENTIALS, _("For itself, with its scopes as its rights (client credentials)")),
]
_TYPES = [
    (Application.CLIENT_CONFIDENTIAL, _("Keeps a secret: a program on a server")),
    (Application.CLIENT_PUBLIC, _("Cannot keep one: an app, or a page in the browser")),
]
_TEXTS: dict[str, tuple[Any, Any]] = {
    "authorization_grant_type": (_("Acts"), ""),
    "client_type": (_("Kind of program"), ""),
    "redirect_uris": (_("Redirect addresses"), _("To which people are sent back; with spaces between.")),
    "allowed_origins": (_("Origins"), _("From which a page in the browser may ask for tokens; with spaces between.")),
    "skip_authorization": (_("Does not ask"), _("For programs of the shop’s own: people are sent back at once.")),
}

RENEW = "oauth_application_renew_secret"
"""How Unfold names the button for another secret."""


class ClientForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic when the program runs
    """A client, in words that tell what it will be able to do."""

    user: Any
    """Who fills the form in; set by the admin."""
    scopes = ScopesField(label=_("Scopes"), required=False, help_text=_("What it may ask for at most."))

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
        """Refuse a client that could do by itself what its maker may not."""
        cleaned: dict[str, Any] = super().clean() or {}
        if cleaned.get("authorization_grant_type") == Application.GRANT_CLIENT_CREDENTIALS:
            if lacking := scopes_beyond(self.user, str(cleaned.get("scopes", "")).split()):
                text = _("You may not do yourself what these stand for: %(scopes)s.")
                self.add_error("scopes", ValidationError(text, params={"scopes": ", ".join(sorted(lacking))}))
        elif "authorization_grant_type" in cleaned and not cleaned.get("redirect_uris"):
            self.add_error("redirect_uris", ValidationError(_("Where should people be sent back to?")))
        return cleaned


class ClientAdmin(ModelAdmin):
    """Programs that may ask for tokens."""

    form = ClientForm
    list_display = ["name", "acts_for", "is_active", "created"]
    list_filter = ["is_active"]
    search_fields = ["name", "client_id"]
    actions_submit_line = ["renew_secret"]

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> Any:
        """Offer one button: it leads to the secret."""
        return super().add_view(request, form_url, {**SAVE_ONLY, **(extra_context or {})})

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Show the id of a client that has one."""
        return [*(["shown_id"] if obj else []), *ClientForm.Meta.fields]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Keep what a client is as it was, and let owners alone say that nobody is asked."""
        fixed = ["authorization_grant_type", "client_type"] if obj else []
        return ["shown_id", *fixed, *([] if request.user.is_superuser else ["skip_authorization"])]

    def formfield_for_choice_field(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Offer the two grants that there are, in words."""
        choices = {"authorization_grant_type": _GRANTS, "client_type": _TYPES}.get(db_field.name)
        field = super().formfield_for_choice_field(db_field, request, **kwargs)
        if choices:
            field.choices = choices
        return field

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """Let the form know who fills it in."""
        form = super().get_form(request, obj, change, **kwargs)
        form.user = request.user
        return form

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Keep those away from a client who may do less than it by itself, or with people whom it does not ask."""
        return super().has_change_permission(request, obj) and self._may_touch(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The same for deleting."""
        return super().has_delete_permission(request, obj) and self._may_touch(request, obj)

    def _may_touch(self, request: HttpRequest, client: Any) -> bool:
        # Unfold asks with the id alone, to see whether it shows the buttons below a page that was allowed already.
        if request.user.is_superuser or not isinstance(client, Application):
            return True
        if client.skip_authorization:  # whoever says where it sends people, and for what, could act as any of them
            return False
        is_for_itself = client.authorization_grant_type == Application.GRANT_CLIENT_CREDENTIALS
        return not (is_for_itself and scopes_beyond(request.user, client.scope_list))

    def save_model(self, request: HttpRequest, obj: Application, form: Any, change: bool) -> None:
        """Give a new client its secret."""
        if obj.client_type == Application.CLIENT_CONFIDENTIAL and (not change or RENEW in request.POST):
            obj.renew_secret()
        obj.save()

    def response_add(
        self, request: HttpRequest, obj: Application, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Show the secret, once."""
        return self._secrets(request, obj)

    def response_change(self, request: HttpRequest, obj: Application) -> HttpResponse:
        """Show another secret, once."""
        return self._secrets(request, obj) if obj.shown_once else super().response_change(request, obj)

    def _secrets(self, request: HttpRequest, client: Application) -> HttpResponse:
        facts = [(_("Client id"), client.client_id)]
        if client.shown_once:
            facts.append((_("Client secret"), client.shown_once))
        return show_secrets(self, request, client.name, facts)

    @action(description=_("Another secret"), permissions=["change"])
    def renew_secret(self, request: HttpRequest, client: Application) -> None:
        """Done by `save_model`, to which the button leads."""

    @display(description=_("client ID"))
    def shown_id(self, client: Application) -> str:
        """Print the id."""
        return wrapped_code(client.client_id)

    @display(description=_("acts for"), label={"people": "info", "itself": "warning"})
    def acts_for(self, client: Application) -> tuple[str, Any]:
        """Say on whose behalf it acts."""
        itself = client.authorization_grant_type == Application.GRANT_CLIENT_CREDENTIALS
        return ("itself", _("itself")) if itself else ("people", _("people"))
