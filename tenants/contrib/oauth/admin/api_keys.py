"""Admin of personal API keys: users create and revoke their own."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectWidget

from tenants.contrib.impersonation.session import is_operator_session
from tenants.contrib.oauth.admin.base import SAVE_ONLY, OwnedByUserAdmin
from tenants.contrib.oauth.admin.scopes import ScopesField, scope_choices
from tenants.contrib.oauth.admin.secrets import show_secrets
from tenants.contrib.oauth.api_keys import create_api_key, revoke_api_key
from tenants.contrib.oauth.models import ApiKey
from tenants.contrib.oauth.scopes import api_scopes

_DAYS = [("30", _("30 days")), ("90", _("90 days")), ("365", _("1 year")), ("", _("No expiration"))]


class ApiKeyForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic when the program runs
    scopes = ScopesField(label=_("Scopes"), help_text=_("A key never has more permissions than you."))
    days = forms.ChoiceField(
        label=_("Expires"), choices=_DAYS, required=False, initial="90", widget=UnfoldAdminSelectWidget
    )

    class Meta:
        model = ApiKey
        fields = ("name", "scopes")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "scopes" in self.fields:
            self.fields["scopes"].choices = scope_choices(api_scopes())  # type: ignore[attr-defined]

    @property
    def expires(self) -> Any:
        days = self.cleaned_data["days"]
        return timezone.now() + timedelta(days=int(days)) if days else None


class ApiKeyAdmin(OwnedByUserAdmin):
    """Own keys; with permissions, also those of other users."""

    revoke_permission = "oauth.change_apikey"
    form = ApiKeyForm
    list_display = ["name", "user", "prefix", "scopes", "last_used", "expires", "state"]
    list_filter = [("revoked", admin.EmptyFieldListFilter)]
    search_fields = ["name", "prefix"]
    actions = ["revoke"]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        shown = ["name", "user", "prefix", "scopes", "created", "last_used", "expires", "revoked"]
        return shown if obj else ["name", "scopes", "days"]

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> Any:
        return super().add_view(request, form_url, {**SAVE_ONLY, **(extra_context or {})})

    def has_add_permission(self, request: HttpRequest) -> bool:
        # All staff may: a key has no more permissions than its user. Operators who impersonate may not.
        return not is_operator_session(request)

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        """Create the key for the user of the request."""
        row = create_api_key(request.user, obj.name, obj.scopes.split(), form.expires)
        obj.pk, obj.shown_once = row.pk, row.shown_once

    def response_add(self, request: HttpRequest, obj: ApiKey, post_url_continue: str | None = None) -> HttpResponse:
        return show_secrets(self, request, obj.name, [(_("API key"), obj.shown_once)])

    @admin.action(description=_("Revoke"))
    def revoke(self, request: HttpRequest, keys: QuerySet[ApiKey]) -> None:
        revoked = [key for key in keys.filter(revoked=None) if self.can_revoke(request, key)]
        for key in revoked:
            revoke_api_key(key)
            self.log_change(request, key, "Revoked.")
        text = ngettext("%(count)s API key was revoked.", "%(count)s API keys were revoked.", len(revoked))
        self.message_user(request, text % {"count": len(revoked)}, messages.SUCCESS if revoked else messages.WARNING)

    @display(description=_("status"), label={"active": "success", "expired": "warning", "revoked": "danger"})
    def state(self, key: ApiKey) -> tuple[str, Any]:
        if key.revoked is not None:
            return "revoked", _("revoked")
        return ("active", _("active")) if key.is_valid else ("expired", _("expired"))
